"""Names on paper are whole in every script that people write in: no character is a box."""

import json
from typing import Any

import pytest
import typst

from api.rendering import press
from api.rendering.pdf import as_pdf
from api.rendering.table import Column, Table

NAMES = {
    "Latin": "Álvaro Nguyễn Ɗanladi Ƙaura Ọláolúwa Ŋɛŋɛ",
    "Greek": "Αλέξανδρος Παπαδόπουλος",
    "Cyrillic": "Нұрсұлтан Ғалымжанов",
    "Arabic": "محمد عبد الله",
    "Urdu": "فاطمہ گل ڈار",
    "Pashto": "ښکلې ځدراڼ",
    "Hebrew": "דוד לוי",
    "Ethiopic": "አበበ ቢቂላ ኪዳነ ሃና ኣብርሃም",
    "N'Ko": "ߒߞߏ ߛߏߟߏߡߊߣߊ",
    "Adlam": "𞤀𞤣𞤤𞤢𞤥",
    "Vai": "ꕙꔤ ꕉꔸ",
    "Tifinagh": "ⴰⵎⴰⵣⵉⵖ ⵜⵉⴼⵉⵏⴰⵖ",
    "Osmanya": "𐒋𐒘𐒈𐒑𐒛𐒒𐒕𐒖",
    "Bamum": "ꚠꚡꚢ",
    "Bassa Vah": "𖫐𖫑𖫒",
    "Mende": "𞠀𞠁𞠂",
    "Coptic": "ⲡⲉⲧⲣⲟⲥ",
    "Syriac": "ܡܪܝܡ",
    "Devanagari": "श्रीमती लक्ष्मी",
    "Bengali": "শেখ মুজিবুর রহমান",
    "Gujarati": "ગાંધી મોહનદાસ",
    "Gurmukhi": "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ",
    "Kannada": "ಕೃಷ್ಣಮೂರ್ತಿ",
    "Malayalam": "കൃഷ്ണൻകുട്ടി",
    "Odia": "ବିଜୟ ପଟ୍ଟନାୟକ",
    "Tamil": "தமிழ்ச்செல்வி",
    "Telugu": "శ్రీనివాసులు",
    "Sinhala": "චන්ද්‍රිකා කුමාරතුංග",
    "Thaana": "މުޙައްމަދު",
    "Ol Chiki": "ᱥᱟᱱᱛᱟᱲᱤ",
    "Meetei Mayek": "ꯃꯩꯇꯩ",
    "Tibetan": "བསྟན་འཛིན་རྒྱ་མཚོ",
    "Burmese": "အောင်ဆန်းစုကြည်",
    "Khmer": "សុខ សំណាង",
    "Lao": "ສົມພອນ",
    "Thai": "สมชาย ใจดี",
    "Javanese": "ꦗꦮ",
    "Georgian": "გიორგი",
    "Armenian": "Արամ Խաչատրյան",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ",
    "Cherokee": "ᏣᎳᎩ",
    "Canadian": "ᐃᓄᒃᑎᑐᑦ",
    "Chinese": "王小明 陳大文",
    "Japanese": "やまだ タロウ 山田",
}
GLYPHS_MISSING = "could not be displayed"


def table(name: str) -> Table:
    return Table(
        operator=name, title=name, about=((name, name),),
        columns=(Column("name"),), rows=((name,),),
    )  # fmt: skip


def archival(name: str, **fonts: Any) -> None:
    """Set the table as PDF/A, which takes no character without a glyph."""
    template = press.TEMPLATE.read_text().replace("date: none", "date: datetime.today()")
    told = {
        "operator": name, "title": name, "about": [(name, name)], "heads": ["Name"],
        "figures": [False], "rows": [[name]],
    }  # fmt: skip
    typst.compile(
        template.encode(), sys_inputs={"table": json.dumps(told)}, ignore_system_fonts=True,
        pdf_standards=["a-2b"], **fonts,
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_every_character_of_a_name_has_a_glyph(name: str) -> None:
    archival(name, font_paths=[press.FONTS])


def test_a_character_without_a_glyph_would_be_noticed() -> None:
    with pytest.raises(RuntimeError, match=GLYPHS_MISSING):
        archival(NAMES["Ethiopic"])


async def test_the_press_sets_a_paper_with_the_fonts_that_come_with_it() -> None:
    document = await as_pdf(table(NAMES["Tamil"]))

    assert b"NotoSansTamil" in document
