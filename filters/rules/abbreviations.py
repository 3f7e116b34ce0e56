"""Words with a sign that belongs to them, by language: abbreviations, whose full stop ends no sentence, and others."""

ELISION = frozenset({"ca", "fr", "it"})  # languages in which an apostrophe ends a word: l'homme, dell'arte
COMPOUNDS = frozenset({"fr"})  # languages in which letters round a hyphen are one word: au-dessus

LETTERS = "'' " + " ".join(f"{letter}." for letter in "abcdefghijklmnopqrstuvwxyz")
COMMON = {
    "en": "Mr. Mrs. Ms. Messrs. Dr. Prof. Rev. Gen. Gov. Sen. Rep. Adm. Jr. St. Mt. Co. co. Corp. Inc. Ltd. Bros. "
    "vs. v.s. e.g. E.g. E.G. i.e. I.e. I.E. a.m. p.m. Ph.D. D.C. U.S. Jan. Feb. Mar. Apr. Jun. Jul. Aug. Sep. Sept. "
    "Oct. Nov. Dec. Ala. Ariz. Ark. Calif. Colo. Conn. Del. Fla. Ga. Ia. Id. Ill. Ind. Kan. Kans. Ky. La. Mass. Md. "
    "Mich. Minn. Miss. Mo. Mont. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Okla. Ore. Pa. S.C. Tenn. Va. Wash. "
    "Wis. 'em 'cause 'Cause 'bout",
    "fr": "M. MM. Mr. Mme. Mlle. Dr. St. Ste. av. cf. etc. pp. No. Vol. janv. févr. avr. juill. sept. oct. nov. déc.",
}  # fmt: skip


def abbreviations(language: str) -> tuple[str, ...]:
    """Of a language, with the single letters that every language has, and the quotes of wikis."""
    return tuple(f"{LETTERS} {COMMON.get(language, '')}".split())
