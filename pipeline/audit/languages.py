"""Words and signs that tell one language from another, and a guess from them. It guesses only where it is plain."""

from __future__ import annotations

from collections.abc import Mapping

from prep.pipeline.audit.figures import Traits

# Among the most frequent words of each language, so far as few others share them. Function words are 20 to 45% of
# running text in each of these.
FUNCTION_WORDS: dict[str, str] = {
    "en": "the of and to is that it for was with as his he be by this are from have not at which you had they were "
    "an has their been would there what will",
    "fr": "le la les des et du une dans est que qui pour pas sur au ne il elle ce cette avec plus par sont aux nous "
    "vous je mais ses était leur c'est ont être",
    "de": "der die das und den von zu mit sich auf für ist im dem nicht ein eine als auch es an werden aus er hat "
    "dass sie nach wird bei einer einen",
    "es": "el los las que del una por con para es su como más pero sus fue este ha sin sobre también entre muy "
    "cuando yo lo se",
    "it": "il di che è per un della sono con non una gli nel alla dei si più anche le delle come ma ha questo",
    "pt": "os do da em um para com não uma por mais as dos como mas foi ao ele das tem seu sua ou ser isso são você",
    "nl": "de het een van en dat op te zijn voor met niet aan er om ook als bij naar uit maar wordt nog deze",
    "pl": "w i na z się nie do jest że to od jak po za przez ale przy tym są dla co",
    "sv": "och att det som en på är av för den med till inte har om ett de jag han var från",
    "tr": "ve bir bu için ile da de çok olan daha gibi olarak ne kadar sonra ama",
    "id": "yang dan di dengan untuk tidak dari dalam pada ini itu adalah ke oleh juga akan",
    "vi": "và của là các có cho không được trong một người những với đã này khi",
    "ru": "и в не на я что он с как это по но его из у за от же так все было к они бы",
    "uk": "і що з та як це від але його він є під які був була щоб або вони буде також",
    "code": "def return import if else for { } = == != // # int void const public static function self. this. let var "
    "fn => -> && || += /* */ * None None: true; false; null;",
}
WORDS = {
    language: tuple(dict.fromkeys(words.split())) for language, words in FUNCTION_WORDS.items()
}  # each word once a language
ONE_SCRIPT = {"Hangul": "ko", "Arabic": "ar", "Devanagari": "hi", "Thai": "th", "Greek": "el", "Hebrew": "he"}
BY_WORDS = {"Latin": ("en", "fr", "de", "es", "it", "pt", "nl", "pl", "sv", "tr", "id", "vi"), "Cyrillic": ("ru", "uk")}

MOST = 0.8  # of the letters; below, several languages are mixed
MOST_JAPANESE = 0.5  # Latin words stand among Japanese ones: 0.28 of the letters of technical blogs
ENOUGH_WORDS = 0.1  # English fiction has 0.32 of its list, Wikipedia 0.27, French pages 0.13
CLEARLY = 1.6  # times the second language's share
CODE_SYMBOLS = 0.045  # of the characters; the Python library has 0.053, arithmetic written out 0.038, prose 0.005
CODE_WORDS = 0.06  # the Python library has 0.12, whose files begin with prose; arithmetic 0.04
SOME_KANA = 0.04  # of kana and Han together; Japanese has 0.5, katakana-poor lists 0.1


def language_of(traits: Traits) -> str | None:
    """The language most of the text is in, or `code`; None where that is not plain."""
    shares = traits.scripts
    kana, han = shares.get("Kana", 0.0), shares.get("Han", 0.0)
    if kana + han >= MOST_JAPANESE:
        return "ja" if kana > SOME_KANA * (kana + han) else "zh" if kana < SOME_KANA / 10 * (kana + han) else None
    for script, language in ONE_SCRIPT.items():
        if shares.get(script, 0.0) >= MOST:
            return language
    if traits.symbols >= CODE_SYMBOLS and traits.words.get("code", 0.0) >= CODE_WORDS:
        return "code"
    for script, languages in BY_WORDS.items():
        if shares.get(script, 0.0) >= MOST:
            return _by_words(traits.words, languages)
    return None


def _by_words(words: Mapping[str, float], languages: tuple[str, ...]) -> str | None:
    best, second, *_ = sorted(languages, key=lambda each: -words.get(each, 0.0))
    share = words.get(best, 0.0)
    return best if share >= ENOUGH_WORDS and share >= CLEARLY * words.get(second, 0.0) else None
