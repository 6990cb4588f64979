"""How likely a word is in the languages of an encoding: what tells one reading of the same bytes from another.

Letters have natural logarithms of their probability. For languages of Latin letters only those beyond ASCII count,
each with the cost of an accent; for the others every letter does. The orders of letters are those of the languages'
frequency tables; a wrong reading is off by orders of magnitude, so the exact shares do not matter.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import log

LATIN = {
    "French": "éèêàçôîâùïëûœ", "German": "üöäßé", "Spanish": "óíáñéúü", "Portuguese": "ãçáéíóêõâúô",
    "Italian": "àèéùìò", "Danish": "øåæé", "Swedish": "äöåé", "Icelandic": "áíðóöéþúæý", "Dutch": "ëéïèö",
    "Catalan": "àèçóíéòúüï", "Finnish": "äöå",
    "Polish": "łóąężśćńź", "Czech": "áíéěřšžýčůúďňťó", "Slovak": "áíčšžýéúľťňôďäóŕ", "Hungarian": "áéöóőüíúű",
    "Croatian": "čćšžđ", "Romanian": "ăâîșțşţ", "Turkish": "ıüşöçğâ", "Lithuanian": "ėšžūųįčąę",
    "Latvian": "āīēšņļūžčķģ", "Estonian": "äõöüšž", "Vietnamese": "đôưêơâăáàãéèíóòúý\u0300\u0301\u0303\u0309\u0323",
}  # fmt: skip
LATIN_WEST = tuple(LATIN)[:11]
OTHER = {
    "Russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё", "Ukrainian": "оанивіертслкдумпязьбгчйхцїюжшєщфґ",
    "Bulgarian": "аиоентрсвлкдпмзъугяйчбцхжшщюфь", "Serbian": "аиоенрстјувкдмлпзбгчшцжњћхљђџф",
    "Greek": "αοιετσνηρκυπμςλάίόήέδγωώθχύβφξζψϊϋ", "Hebrew": "יוהלארתבמשנכדעקחפםסטגצןזךףץ",
    "Arabic": "المنيرودعبتهسحكفقجشصطزخضةذثىغظئأءإآؤ", "Persian": "اینردمهوتسبشلکگزخفحقجعپطصغچضثظذژ",
    "Thai": "านรอกเงมยลวดทสตะปบคหแจพชขใไโผซณศธภถษฐญฟฉฆ"
    "\u0e48\u0e49\u0e31\u0e35\u0e34\u0e37\u0e38\u0e39\u0e4c\u0e47\u0e33\u0e36\u0e4a",
}  # fmt: skip
ACCENT = -2.3  # about one letter of ten has an accent
FALL = {True: 0.22, False: 0.1}  # of the probability from one letter to the next, by whether the letters are Latin
RARE, FOREIGN, SIGN = -9.0, -12.0, -12.0
SWITCH = -2.0  # of a word in another language than most words
ODD_CASE = -7.0  # a capital within a word of small letters, or the reverse
ACCENTS_TOGETHER = -3.0
SELDOM = {"Icelandic": -4.0}  # languages that few files are in
# Places where Western languages do not have these letters; another code page's letter stands there.
ODD_PLACE = re.compile(r"ã(?![oes]|$)|ç(?![aeiou]|$)|õ(?!e)|è[aeiouy]|[ìù][a-z]|æ$|^[a-z]+[ðþ](?![aeiour]|$)")
ODD_PLACE_COST = -4.0
BETWEEN_WORDS = dict.fromkeys("’‘“”„«»–—…€°·§£©®™ªº¿¡½№\xa0£", -2.5) | dict.fromkeys("½¼¾×µ±²³", -4.0)
AFTER_FIGURES = "½¼¾×µ±²³°"
STUCK = -5.0  # a sign that touches a small letter or another sign
LONE_LETTER = -3.5  # a word of one letter beyond ASCII
HALF_WIDTH = re.compile("[A-Za-z][ｦ-ﾟ]|[ｦ-ﾟ][A-Za-z]|(?<![ｦ-ﾟ])[ｦ-ﾟ](?![ｦ-ﾟ])")
HANZI = set(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗北京上海市区省县路街道号大中小学人民国的一是不了在有我他这个们来到时地出就分对成会可主发年"
    "动同工也能下过子说产种面而方后多定行客户姓名订单商品数量价格日期金额备注电话地址城公司新老女男东西南明华建伟芳娜秀英敏静丽强磊军"
    "文生平安武汉广州深圳天津重庆江苏浙四川山河湖福红白黑色打折谢请联系周末喜欢"
)
HANZI_TAIWAN = set(
    "王李張劉陳楊趙黃周吳徐孫胡朱高林何郭馬羅北臺台市區縣路街道號大中小學人民國的一是不了在有我他這個們來到時地出就分對成會可主發年動同"
    "工也能下過子說產種面而方後多定行客戶姓名訂單商品數量價格日期金額備註電話地址城公司新老女男東西南明華建偉芳娜秀英敏靜麗強志怡君雅"
    "文生平安高雄新竹桃園義信福紅白黑色打折謝請聯絡喜歡"
)
KANJI = set(
    "山田中村小林佐藤鈴木高橋伊渡辺加吉本井上松東京都大阪府市区町県名番号氏住所商品数量日付金額電話郵便顧客注文太郎子美一二三北西南川島"
    "千代丸内神奈横浜愛知福岡広札幌仙台埼玉葉兵庫戸新潟静長野岐阜石崎原清水池森青阿部岡谷野口和健恵由紀花優翔株式会社店明日月年人"
)
HANGUL = set(
    "김이박최정강조윤장임한오서신권황안송류홍수민지영현준은경철희미성진우연하주선호아상동구시울부산대광인천로길번이름소전화고객문품량가격"
    "일날짜의는를가에을도다사기리나자해라어들과원특별역북남청상운테란"
)
ODD_CAPITAL = re.compile("aA|AA+a")
BESIDE_LATIN = -3.0  # a two-byte character that touches a small Latin letter
BY_SMALL_LETTER = re.compile("[a-z][^\\x00-\\x7f]|[^\\x00-\\x7f][a-z]")
WIDE_SIGNS = set("、。，．・：；？！（）「」『』【】《》〈〉“”‘’…—～ー　々￥－")


@dataclass(frozen=True)
class Language:
    """Letters of a language, with the logarithms of their probabilities."""

    letters: dict[str, float]
    is_latin: bool

    def score(self, word: str) -> float:
        """Logarithm of how likely a word of the language is this one; for words that `shape` has judged."""
        return sum(
            self.letters.get(char, RARE if char.isalpha() and is_latin(char) == self.is_latin else FOREIGN)
            for char in word
            if not char.isascii()
        )


def made(letters: str, is_latin: bool) -> Language:
    """A language of its letters, the most frequent first."""
    fall = FALL[is_latin]
    total = sum(2.718 ** (-fall * rank) for rank in range(len(letters)))
    cost = ACCENT if is_latin else 0.0
    return Language({char: -fall * rank - log(total) + cost for rank, char in enumerate(letters)}, is_latin)


LANGUAGES = {name: made(letters, True) for name, letters in LATIN.items()} | {
    name: made(letters, False) for name, letters in OTHER.items()
}


@lru_cache(maxsize=4096)
def is_latin(char: str) -> bool:
    """Whether a letter is a Latin one, or a mark that stands above one."""
    return char.isascii() or "LATIN" in unicodedata.name(char, "") or "COMBINING" in unicodedata.name(char, "")


@lru_cache(maxsize=4096)
def script(char: str) -> str:
    """The first word of a letter's name: LATIN, GREEK, CYRILLIC …"""
    return unicodedata.name(char, "?").split()[0]


def case(char: str) -> str:
    """A letter's case: a capital, a small one, or none."""
    return "A" if char.isupper() else "a" if char.islower() else "-"


def is_letter(char: str) -> bool:
    """Whether a character is part of words, marks on letters included; two signs of old code pages are not."""
    return unicodedata.category(char)[0] in "LM" and char not in "ªº"


def shape(word: str) -> float:
    """Cost of how a word is put together: its scripts, its case, accents side by side."""
    cost = 0.0
    scripts = {script(char) for char in word if unicodedata.category(char)[0] == "L"}
    if len(scripts) > 1:
        cost += FOREIGN
    cost += ODD_CASE * len(ODD_CAPITAL.findall("".join(map(case, word))))
    if scripts == {"LATIN"}:
        pairs = pairwise(word)
        cost += ACCENTS_TOGETHER * sum(
            not (a.isascii() or b.isascii()) and "COMBINING" not in unicodedata.name(b, "") for a, b in pairs
        )
    return cost


def words_of(text: str) -> tuple[list[str], float]:
    """The words of a text that hold letters beyond ASCII, and the cost of its signs."""
    words, cost, word = [], 0.0, ""
    for place, char in enumerate(text + " "):
        if is_letter(char):
            word += char
            continue
        if not char.isascii():
            following = text[place + 1 : place + 2]
            between = bool(word) and following.isalpha() and char not in "’·\xa0–—"
            between = between or (bool(word) and char in "„¿¡")
            between = between or (char in "–—" and word[-1:].islower() and following.islower())
            between = between or (char == "·" and following.isalpha() and not {word[-1:], following} <= {"l", "L"})
            is_stuck = following.islower() and char not in "“‘„’·"
            is_stuck = is_stuck or (char in AFTER_FIGURES + "‘" and bool(word))
            is_stuck = is_stuck or (char in "£€" and following.isalpha())
            is_stuck = is_stuck or (not following.isascii() and not is_letter(following))
            cost += SIGN if between else BETWEEN_WORDS.get(char, SIGN) + STUCK * is_stuck
        if word and not word.isascii():
            words.append(word)
        word = ""
    return words, cost


def single_byte_score(texts: list[str], languages: tuple[str, ...]) -> float:
    """Logarithm of how likely texts are as words of some languages, most of them of one."""
    total, words = 0.0, []
    for text in texts:
        own, cost = words_of(text)
        words += own
        total += cost
    if not words:
        return total
    columns = {name: [LANGUAGES[name].score(folded(word)) for word in words] for name in languages}
    sums = {name: sum(column) + SELDOM.get(name, 0.0) for name, column in columns.items()}
    main = max(sums, key=lambda name: sums[name])
    total += SELDOM.get(main, 0.0) + sum(map(shape, words)) + LONE_LETTER * sum(len(word) == 1 for word in words)
    if languages == LATIN_WEST:
        total += ODD_PLACE_COST * sum(len(ODD_PLACE.findall(folded(word))) for word in words)
    switched = [max(column[place] for column in columns.values()) + SWITCH for place in range(len(words))]
    return total + sum(map(max, columns[main], switched))


@lru_cache(maxsize=16384)
def folded(word: str) -> str:
    """A word in small letters; a capital İ is one letter."""
    return word.replace("İ", "ı").lower()


@lru_cache(maxsize=65536)
def wide_score(char: str, encoding: str) -> float:
    """Logarithm of how likely a character of a two-byte encoding is."""
    if char in WIDE_SIGNS:
        return -4.5
    if "\uff01" <= char <= "\uff5e":
        return -6.5
    kind, is_japanese = script(char), encoding in {"shift_jis", "euc_jp"}
    if kind in {"HIRAGANA", "KATAKANA"}:
        return -4.5 if is_japanese else -13.0
    if kind == "HALFWIDTH":
        return -5.5 if is_japanese else -13.0
    if kind == "HANGUL":
        return (-5.3 if char in HANGUL else -7.8) if encoding == "euc_kr" and encodes(char, "euc_kr") else -14.0
    if kind != "CJK" or encoding == "euc_kr":
        return -14.0
    common, level, last = {
        "gb18030": (HANZI, "gb2312", 0xD7), "big5hkscs": (HANZI_TAIWAN, "big5", 0xC6),
    }.get(encoding, (KANJI, "euc_jp", 0xCF))  # fmt: skip
    if char in common:
        return -5.5
    lead = encodes(char, level)
    return -8.8 if lead and lead[0] <= last else -13.0


@lru_cache(maxsize=65536)
def encodes(char: str, encoding: str) -> bytes:
    """A character's bytes; none where the encoding has none."""
    return char.encode(encoding, "ignore")


def two_byte_score(texts: list[str], encoding: str) -> float:
    """Logarithm of how likely texts are in a two-byte encoding."""
    total = 0.0
    for text in texts:
        total += sum(wide_score(char, encoding) for char in text if not char.isascii())
        total += BESIDE_LATIN * (len(BY_SMALL_LETTER.findall(text)) + 2 * len(HALF_WIDTH.findall(text)))
    return total
