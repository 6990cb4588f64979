"""Personal names in one form that records can be compared by.

`parse_person` splits titles and honorifics off, orders the parts, and folds what is written differently without
being different: accents, case, traditional characters, particles. Names in Chinese characters are compared by
their pinyin, so that they meet their own romanisation, and keep their simplified characters beside it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

# Before or after the name, dots left out. The first set is never a name's own word at the beginning; the second may
# be one ("Baron Davis"), so it goes only where a given and a family name are left.
TITLES = frozenset(
    "mr mrs ms miss mx dr prof professor doctor sir dame rev reverend hon herr herrn frau fraulein hr fr dipl dipling "
    "ing mag mme mlle madame monsieur mademoiselle senor senora srta sra sig signor signora dott dottssa drs ir mgr "
    "capt captain col colonel lieut lieutenant sgt sergeant gen brig rt privatdozent pd hc habil med jur rer nat phil "
    "tekn avv ddr".split()
)
NOBLE = frozenset(
    "lord lady baron baroness baronet count countess earl duke duchess viscount viscountess marquess prince princess "
    "king queen don dona graf grafin freiherr ritter major maj lt admiral general father brother sister saint st "
    "sheikh sri pastor bishop president chief".split()
)
SUFFIXES = frozenset(
    "jr sr junior senior ii iii iv phd md dphil msc bsc mba llb llm llm dds dmd esq esquire cpa rn obe cbe kbe mbe "
    "gbe frs bt bart baronet qc kc mp mph edd psyd jd facs frcs mrcp dsc ret".split()
)
PARTICLES = frozenset(
    "van von v vd de der den del della di da das do dos du des la le les lo ten ter te zu zum zur af av al el bin ibn "
    "bint ben abu ap y e und".split()
)
# Longest first, so that 副教授 does not leave a character behind.
HAN_HONORIFICS = sorted(
    "教授 副教授 先生 女士 小姐 太太 夫人 博士 医生 医师 老师 律师 经理 总经理 主任 董事长 校长 院长 工程师 会计 "
    "师傅 同志 阁下 大人 様 さま さん くん ちゃん 先辈 님 씨 선생님".split(),
    key=lambda word: (-len(word), word),
)
COMPOUND_FAMILIES = frozenset(
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 "
    "公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 "
    "拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 公户 公玉 公仪 梁丘 公仲 公上 公门 公山 公坚 左丘 公伯 "
    "西门 公祖 第五 公乘 贯丘 公皙 南荣 东里 东宫 仲长 子书 子桑 即墨 达奚 褚师".split()
)
ORDINAL = re.compile(r"^\d+(st|nd|rd|th)$")
SPECIAL = str.maketrans({"ß": "ss", "ẞ": "ss", "ø": "o", "Ø": "o", "æ": "ae", "Æ": "ae", "œ": "oe", "ł": "l", "Ł": "l",
                         "đ": "d", "Đ": "d", "ð": "d", "þ": "th", "ı": "i", "’": "", "'": "", "`": "", "´": "",
                         "ʼ": ""})  # fmt: skip
WORD = re.compile(r"[^\W_]+", re.UNICODE)
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
KEPT = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaffa-zA-Z]")
GERMAN_PAIRS = re.compile(r"ae|oe|ue")


class PersonName(NamedTuple):
    """A person's name, taken apart. Every part is lower case without accents; empty parts are None."""

    title: str | None
    given: str | None
    middle: str | None
    family: str | None
    han: str | None  # simplified characters, family name first, where the name was written in them


NOBODY = PersonName(None, None, None, None, None)


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Lower case, without accents and apostrophes; German ae, oe, ue as the vowels that their umlauts fold to."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.translate(SPECIAL))
        text = "".join(c for c in text if not unicodedata.combining(c))
    text = text.replace("'", "").replace("`", "").lower()
    return GERMAN_PAIRS.sub(lambda pair: pair.group()[0], text) if "e" in text else text


@lru_cache(maxsize=1)
def converter() -> object:
    """OpenCC from traditional to simplified characters; loading its dictionaries takes a moment."""
    import opencc

    return opencc.OpenCC("t2s")


@lru_cache(maxsize=262_144)
def simplified(text: str) -> str:
    """Simplified Chinese characters of a text."""
    return str(converter().convert(text))  # type: ignore[attr-defined]


@lru_cache(maxsize=262_144)
def pinyin(text: str) -> str:
    """Pinyin without tones, as one word: 仓义 is cangyi."""
    from pypinyin import lazy_pinyin

    return "".join(lazy_pinyin(text, v_to_u=False)).lower()


def words(text: str) -> list[str]:
    """The folded words of a name. A hyphen joins (Anna-Lena), a dot ends a word (J.R.)."""
    return WORD.findall(fold(text.replace("-", "").replace("‐", "").replace("–", "")))


def without_titles(found: list[str]) -> tuple[list[str], list[str]]:
    """Words of a name, and the titles and suffixes that stood around them."""
    titles: list[str] = []
    while len(found) > 1 and (found[0] in TITLES or (found[0] in NOBLE and len(found) > 2)):
        titles.append(found.pop(0))
    while len(found) > 1 and (ORDINAL.match(found[-1]) or (found[-1] in SUFFIXES and len(found) > 2)
                              or (found[-1] in TITLES and len(found) > 2)):  # fmt: skip
        titles.append(found.pop())
    return found, titles


def joined(parts: list[str]) -> str | None:
    """Parts as one word, None if there are none."""
    return "".join(parts) or None


def family_of(parts: list[str]) -> str | None:
    """Family name as one word, without the particles that some write and others leave out."""
    core = [part for part in parts if part not in PARTICLES]
    return joined(core or parts)


def parse_east_asian(title: str | None, given: str | None, family: str | None, full: str | None) -> PersonName:
    """A name in Chinese, Japanese or Korean characters; see `parse_person`."""
    titles = [title] if title else []

    def cleaned(text: str | None) -> str:
        rest = simplified("".join(KEPT.findall(unicodedata.normalize("NFKC", text or ""))))
        for honorific in HAN_HONORIFICS:
            # One character is a name's own more often than an honorific, unless much is left.
            if rest.endswith(honorific) and len(rest) - len(honorific) >= (1 if len(honorific) > 1 else 2):
                titles.append(honorific)
                return rest[: -len(honorific)]
        return rest

    own_given, own_family = cleaned(given), cleaned(family)
    if not own_given and not own_family:
        whole = cleaned(full)
        size = 2 if whole[:2] in COMPOUND_FAMILIES and len(whole) > 2 else 1
        own_family, own_given = (whole[:size], whole[size:]) if len(whole) > 1 else (whole, "")
    elif own_family and own_given.startswith(own_family) and len(own_given) > len(own_family):
        own_given = own_given[len(own_family) :]
    return PersonName(
        " ".join(titles) or None,
        pinyin(own_given) or None,
        None,
        pinyin(own_family) or None,
        own_family + own_given or None,
    )


def parse_person(title: str | None, given: str | None, family: str | None, full: str | None) -> PersonName:
    """A person's name from the fields that a source has: parts, or the whole name, or both.

    Given and family name win over the whole name. In a whole name the family name is last, or first where a comma
    follows it; in Chinese characters it is first. Which of two words is the family name stays a guess, so whoever
    compares names tries both orders.
    """
    text = f"{given or ''}{family or ''}{full or ''}"
    if not text.isascii() and EAST_ASIAN.search(text):
        return parse_east_asian(title, given, family, full)
    titles = words(title) if title else []
    if given or family:
        first, found = without_titles(words(given or ""))
        last, more = without_titles(words(family or ""))
        titles += found + more
        if not first and len(last) > 1:  # the whole name in the field of the family name
            first, last = last[:-1], last[-1:]
            while first and first[-1] in PARTICLES:
                last.insert(0, first.pop())
    elif full:
        head, comma, tail = full.partition(",")
        before, found = without_titles(words(head))
        titles += found
        after = words(tail) if comma else []
        if after and not ORDINAL.match(after[0]) and not all(w in SUFFIXES or w in TITLES for w in after):
            after, found = without_titles(after)
            titles += found
            first, last = after, before
        else:
            titles += after
            cut = len(before) - 1
            while cut > 1 and before[cut - 1] in PARTICLES:
                cut -= 1
            first, last = before[:cut], before[cut:]
            lead = next((i for i, word in enumerate(before) if word not in PARTICLES), 0)
            if lead:  # "VAN DYKE LAURA": whoever begins with a particle begins with the family name
                first, last = before[lead + 1 :], before[: lead + 1]
    else:
        return NOBODY._replace(title=" ".join(titles) or None)
    return PersonName(" ".join(titles) or None, first[0] if first else None, joined(first[1:]), family_of(last), None)
