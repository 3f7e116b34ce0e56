"""Names of languages: what identifiers call them, as ISO 639-1 where there is such a code, else ISO 639-3."""

from functools import cache

CODE, OTHER = "code", "other"  # what a run file may declare that is no human language

# ISO 639-3 for each ISO 639-1 code; where that is a macrolanguage, the member that models of language name stands here.
_THREE = (
    "aar:aa abk:ab afr:af aka:ak amh:am ara:ar arg:an asm:as ava:av ave:ae aym:ay aze:az bak:ba bam:bm bel:be ben:bn "
    "bis:bi bod:bo bos:bs bre:br bul:bg cat:ca ces:cs cha:ch che:ce chu:cu chv:cv cor:kw cos:co cre:cr cym:cy dan:da "
    "deu:de div:dv dzo:dz ell:el eng:en epo:eo est:et eus:eu ewe:ee fao:fo fas:fa fij:fj fin:fi fra:fr fry:fy ful:ff "
    "gla:gd gle:ga glg:gl glv:gv grn:gn guj:gu hat:ht hau:ha hbs:sh heb:he her:hz hin:hi hmo:ho hrv:hr hun:hu hye:hy "
    "ibo:ig ido:io iii:ii iku:iu ile:ie ina:ia ind:id ipk:ik isl:is ita:it jav:jv jpn:ja kal:kl kan:kn kas:ks kat:ka "
    "kau:kr kaz:kk khm:km kik:ki kin:rw kir:ky kom:kv kon:kg kor:ko kua:kj kur:ku lao:lo lat:la lav:lv lim:li lin:ln "
    "lit:lt ltz:lb lub:lu lug:lg mah:mh mal:ml mar:mr mkd:mk mlg:mg mlt:mt mon:mn mri:mi msa:ms mya:my nau:na nav:nv "
    "nbl:nr nde:nd ndo:ng nep:ne nld:nl nno:nn nor:no nya:ny oci:oc oji:oj ori:or orm:om oss:os pan:pa pli:pi pol:pl "
    "por:pt pus:ps que:qu roh:rm ron:ro run:rn rus:ru sag:sg san:sa sin:si slk:sk slv:sl sme:se smo:sm sna:sn snd:sd "
    "som:so sot:st spa:es sqi:sq srd:sc srp:sr ssw:ss sun:su swa:sw swe:sv tah:ty tam:ta tat:tt tel:te tgk:tg tgl:tl "
    "tha:th tir:ti ton:to tsn:tn tso:ts tuk:tk tur:tr twi:tw uig:ug ukr:uk urd:ur uzb:uz ven:ve vie:vi vol:vo wln:wa "
    "wol:wo xho:xh yid:yi yor:yo zha:za zho:zh zul:zu "
    "arb:ar azj:az cmn:zh ekk:et gaz:om khk:mn lvs:lv nob:no npi:ne ory:or pbt:ps pes:fa plt:mg quy:qu swh:sw uzn:uz "
    "ydd:yi zsm:ms als:sq fil:tl knc:kr ayr:ay gug:gn kmr:ku"
)
_OLD = {"iw": "he", "in": "id", "jw": "jv", "ji": "yi", "nb": "no", "mo": "ro", "eml": "egl"}


@cache
def _short() -> dict[str, str]:
    return dict(pair.split(":") for pair in _THREE.split())


@cache
def tongue(name: str) -> str | None:
    """`__label__jpn_Jpan`, `jpn`, `ja`, `zh-Hant` or `iw` as the code that a run file declares; None: unknown.

    Old Norwegian names are one: a run file's `no` is not told from `nb`.
    """
    word = name.removeprefix("__label__").replace("-", "_").partition("_")[0].lower()
    if not (word.isascii() and word.isalpha() and 2 <= len(word) <= 3) or word in ("un", "xx", "xxx", "und", "zxx"):
        return None
    return _OLD.get(word) or _short().get(word, word)
