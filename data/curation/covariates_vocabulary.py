"""Closed vocabularies and hand-made look-ups of the covariate tables."""

KINDS = (
    "classification", "pair_classification", "nli", "sentiment", "paraphrase", "similarity", "acceptability",
    "multiple_choice", "qa", "tagging", "ner", "parsing", "retrieval", "mlm", "tlm", "seq2seq", "benchmark",
    "mixture",
)  # fmt: skip

EXTRA_LANGUAGES = (
    "ace aii ajp akk ang apu aqz arq arz ast awa ban bbc bho bjn bug bxr cbk ceb ckb ckt cop csb dsb dtp fil "
    "fro got grc gsw gub gun hsb hyw ilo kab kfm kmr koi kpv krl lfn luo lzh mad max mdf mhr min mpu myu myv "
    "nds nij nov nyq olo orv otk pam pcm pms quc sms swg swl tpn tzl urb war wbp wuu xnr yue"
)
"""Languages of the published tables and of the data kit that have no two-letter code, blank between."""

USUAL_NAMES = {
    "cu": "Old Church Slavonic", "el": "Greek", "ht": "Haitian Creole", "km": "Khmer", "ky": "Kyrgyz",
    "pa": "Punjabi", "ps": "Pashto", "ug": "Uyghur",
}  # fmt: skip
"""Names in use where the reference name of ISO 639-3 is another."""

NAMED_BY_US = {"ber": "Berber languages", "kzj": "Coastal Kadazan"}
"""Codes in use in Tatoeba that ISO 639-3 does not list: a collective code and a withdrawn one."""

PAIR_LANGUAGES = ("am", "en", "ha", "ig", "lg", "luo", "pcm", "rw", "sw", "wo", "yo")
"""Languages of the continued-pretraining studies, for which language similarities are stored."""

REPRESENTATIVE = {
    "ak": "twi", "ar": "arb", "ay": "ayr", "az": "azj", "cr": "crk", "et": "ekk", "fa": "pes", "ff": "fuf",
    "fil": "tgl", "gn": "gug", "ik": "esi", "iu": "ike", "kg": "kng", "kr": "knc", "ku": "kmr", "kv": "kpv",
    "kzj": "dtp", "lv": "lvs", "mg": "plt", "mn": "khk", "ms": "zsm", "ne": "npi", "no": "nob", "oj": "ojg",
    "om": "gaz", "or": "ory", "ps": "pbt", "qu": "quz", "sc": "sro", "sq": "als", "sw": "swh", "uz": "uzn",
    "yi": "ydd", "za": "zyb", "zh": "cmn",
}  # fmt: skip
"""For a macrolanguage or withdrawn code: the individual language that stands for it in other databases."""

SUBGROUPS = frozenset(
    {
        # Indo-European
        "Germanic", "Slavic", "Eastern Baltic", "Celtic", "Italic", "Indo-Aryan", "Iranian", "Greek",
        "Armenic", "Albanian",
        # Afro-Asiatic
        "Semitic", "Cushitic", "Chadic", "Berber", "Egyptian",
        # Atlantic-Congo, Mande, Nilotic
        "Narrow Bantu", "Igboid", "Yoruboid", "Gbe", "Akanic", "North-Central Atlantic", "Western Mande",
        "Western Nilotic",
        # Austronesian
        "Oceanic", "Malayo-Chamic", "Javanesic", "Greater Central Philippine", "Northern Luzon",
        "Central Luzon", "Greater Barito linkage", "South Sulawesi", "Bali-Sasak-Sumbawa", "Maduresic",
        "Northwest Sumatra-Barrier Islands", "North Borneo Malayo-Polynesian",
        # other families
        "Finnic", "Saami", "Mordvin", "Permian", "Mari", "Hungaric", "Common Turkic", "Bolgar", "Sinitic",
        "Lolo-Burmese", "Bodic", "South Dravidian I", "South Dravidian II", "Khmeric", "Vietic", "Kam-Tai",
        "Mongolic", "Tupi-Guarani", "Tuparic", "Mundurukuic", "Inuit", "Nakh", "Daghestanian",
    }
)  # fmt: skip
"""Glottolog subgroups of about the rank of a WALS genus; elsewhere the second name of the lineage serves."""

NOT_A_GENUS = frozenset({"Classical Indo-European", "Bookkeeping"})
"""Names in Glottolog's lineages that are too wide for a genus, or no group of languages."""

DOMAINS = (
    "biomedical", "captions", "commonsense", "dialogue", "exam", "fiction", "legal", "misc", "news",
    "reviews", "science", "social", "web", "wikipedia",
)  # fmt: skip

OUR_CODE = {"sme": "se"}
"""Codes of the collected feature tables for which ISO 639-1 has two letters."""

SCRIPTS = {
    "arabic": "Arab", "armenian": "Armn", "bengali": "Beng", "chinese": "Hani", "cyrillic": "Cyrl",
    "devanagari": "Deva", "ethiopic": "Ethi", "georgian": "Geor", "greek": "Grek", "gujarati": "Gujr",
    "gurmukhi": "Guru", "hangul": "Hang", "hebrew": "Hebr", "kana": "Jpan", "kannada": "Knda",
    "khmer": "Khmr", "lao": "Laoo", "latin": "Latn", "malayalam": "Mlym", "myanmar": "Mymr",
    "old turkic": "Orkh", "oriya": "Orya", "sinhala": "Sinh", "syriac": "Syrc",
    "tamil": "Taml", "telugu": "Telu", "thai": "Thai",
}  # fmt: skip
"""The script names of the collected tables as ISO 15924 codes."""

SCRIPT_KNOWN = {
    "Latn": "aa ace ak an ang ast ay ban bbc bi bjn bug cbk ceb ch co csb dsb dtp ee ff fil fj gn ho ht hz "
    "ia ie ig ilo io kab kg ki kj kl kr kw kzj lb lfn lg li ln lu luo mad max mh mi min na nb nd ng nij nn "
    "nov nr nv ny oc pam pms qu quc rm rn rw sc se sg sm sn ss st swg tk tn to ts tw ty tzl ve vo wa war "
    "za zu",
    "Cyrl": "ab av ba ce cv kv mhr os tg tt",
    "Arab": "arq arz ckb",
    "Deva": "awa",
    "Tibt": "bo dz",
    "Copt": "cop",
    "Thaa": "dv",
    "Ethi": "ti",
    "Hani": "wuu",
    "Yiii": "ii",
    "Avst": "ae",
}
"""Scripts that no collected table gives and that are certain; languages written in several are left out."""

FAMILY_KNOWN = {
    "eu": ("Basque", "Basque", "xpos_research_fams.txt"),
    "hyw": ("Indo-European", "Armenic", "xpos_research_fams.txt"),
    "otk": ("Turkic", "Common Turkic", "xpos_research_fams.txt"),
    "sq": ("Indo-European", "Albanian", "xpos_research_fams.txt"),
    "ber": ("Afro-Asiatic", "Berber", "general knowledge"),
}
"""Family and genus where the Glottolog snapshot has none."""

XLMR_TOKENS_IN_BILLIONS = {"sv": (77.8, 12_100.0), "uk": (84.6, 6_500.0)}
"""Rows of XLM-R's table with tokens in thousands of millions (for Swedish, also with its columns swapped),
as they have to be read: (GiB, millions of tokens)."""

XLMR_SAME_TEXT = {"kmr": "ku"}
"""Codes whose text XLM-R's table lists under another one."""

XLMR_NOT_TOLD_APART = "ajp arq arz ber ckb fil hyw lzh nb nn sh swl wuu yue"
"""Languages, blank between, whose text would be counted under a relative's code: no size is stated."""
