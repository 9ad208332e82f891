/* Made by script_ranges.py from Unicode's Scripts-15.0.0.txt; do not edit. */
enum {
    SCRIPT_ANY, /* Common, Inherited, or unassigned */
    SCRIPT_LATIN,
    SCRIPT_HAN,
    SCRIPT_HIRAGANA,
    SCRIPT_KATAKANA,
    SCRIPT_HANGUL,
    SCRIPT_BOPOMOFO,
    SCRIPT_CYRILLIC,
    SCRIPT_GREEK,
    SCRIPT_ARABIC,
    SCRIPT_ARMENIAN,
    SCRIPT_BENGALI,
    SCRIPT_DEVANAGARI,
    SCRIPT_ETHIOPIC,
    SCRIPT_GEORGIAN,
    SCRIPT_GUJARATI,
    SCRIPT_GURMUKHI,
    SCRIPT_HEBREW,
    SCRIPT_KANNADA,
    SCRIPT_KHMER,
    SCRIPT_LAO,
    SCRIPT_MALAYALAM,
    SCRIPT_MYANMAR,
    SCRIPT_ORIYA,
    SCRIPT_SINHALA,
    SCRIPT_TAMIL,
    SCRIPT_TELUGU,
    SCRIPT_THAANA,
    SCRIPT_THAI,
    SCRIPT_TIBETAN,
    SCRIPT_RARE, /* the first that UAX 31 does not recommend for names */
};

static const struct {
    uint32_t first, last;
    uint8_t script;
} s_ranges[] = {
    {0x0041, 0x005A, SCRIPT_LATIN},
    {0x0061, 0x007A, SCRIPT_LATIN},
    {0x00AA, 0x00AA, SCRIPT_LATIN},
    {0x00BA, 0x00BA, SCRIPT_LATIN},
    {0x00C0, 0x00D6, SCRIPT_LATIN},
    {0x00D8, 0x00F6, SCRIPT_LATIN},
    {0x00F8, 0x02B8, SCRIPT_LATIN},
    {0x02E0, 0x02E4, SCRIPT_LATIN},
    {0x02EA, 0x02EB, SCRIPT_BOPOMOFO},
    {0x0370, 0x0373, SCRIPT_GREEK},
    {0x0375, 0x037D, SCRIPT_GREEK},
    {0x037F, 0x0384, SCRIPT_GREEK},
    {0x0386, 0x0386, SCRIPT_GREEK},
    {0x0388, 0x03E1, SCRIPT_GREEK},
    {0x03E2, 0x03EF, SCRIPT_RARE + 20}, /* Coptic */
    {0x03F0, 0x03FF, SCRIPT_GREEK},
    {0x0400, 0x0484, SCRIPT_CYRILLIC},
    {0x0487, 0x052F, SCRIPT_CYRILLIC},
    {0x0531, 0x058F, SCRIPT_ARMENIAN},
    {0x0591, 0x05F4, SCRIPT_HEBREW},
    {0x0600, 0x0604, SCRIPT_ARABIC},
    {0x0606, 0x060B, SCRIPT_ARABIC},
    {0x060D, 0x061A, SCRIPT_ARABIC},
    {0x061C, 0x061E, SCRIPT_ARABIC},
    {0x0620, 0x063F, SCRIPT_ARABIC},
    {0x0641, 0x064A, SCRIPT_ARABIC},
    {0x0656, 0x066F, SCRIPT_ARABIC},
    {0x0671, 0x06DC, SCRIPT_ARABIC},
    {0x06DE, 0x06FF, SCRIPT_ARABIC},
    {0x0700, 0x074F, SCRIPT_RARE + 112}, /* Syriac */
    {0x0750, 0x077F, SCRIPT_ARABIC},
    {0x0780, 0x07B1, SCRIPT_THAANA},
    {0x07C0, 0x07FF, SCRIPT_RARE + 77}, /* Nko */
    {0x0800, 0x083E, SCRIPT_RARE + 101}, /* Samaritan */
    {0x0840, 0x085E, SCRIPT_RARE + 58}, /* Mandaic */
    {0x0860, 0x086A, SCRIPT_RARE + 112}, /* Syriac */
    {0x0870, 0x08E1, SCRIPT_ARABIC},
    {0x08E3, 0x08FF, SCRIPT_ARABIC},
    {0x0900, 0x0950, SCRIPT_DEVANAGARI},
    {0x0955, 0x0963, SCRIPT_DEVANAGARI},
    {0x0966, 0x097F, SCRIPT_DEVANAGARI},
    {0x0980, 0x09FE, SCRIPT_BENGALI},
    {0x0A01, 0x0A76, SCRIPT_GURMUKHI},
    {0x0A81, 0x0AFF, SCRIPT_GUJARATI},
    {0x0B01, 0x0B77, SCRIPT_ORIYA},
    {0x0B82, 0x0BFA, SCRIPT_TAMIL},
    {0x0C00, 0x0C7F, SCRIPT_TELUGU},
    {0x0C80, 0x0CF3, SCRIPT_KANNADA},
    {0x0D00, 0x0D7F, SCRIPT_MALAYALAM},
    {0x0D81, 0x0DF4, SCRIPT_SINHALA},
    {0x0E01, 0x0E3A, SCRIPT_THAI},
    {0x0E40, 0x0E5B, SCRIPT_THAI},
    {0x0E81, 0x0EDF, SCRIPT_LAO},
    {0x0F00, 0x0FD4, SCRIPT_TIBETAN},
    {0x0FD9, 0x0FDA, SCRIPT_TIBETAN},
    {0x1000, 0x109F, SCRIPT_MYANMAR},
    {0x10A0, 0x10FA, SCRIPT_GEORGIAN},
    {0x10FC, 0x10FF, SCRIPT_GEORGIAN},
    {0x1100, 0x11FF, SCRIPT_HANGUL},
    {0x1200, 0x1399, SCRIPT_ETHIOPIC},
    {0x13A0, 0x13FD, SCRIPT_RARE + 18}, /* Cherokee */
    {0x1400, 0x167F, SCRIPT_RARE + 13}, /* Canadian_Aboriginal */
    {0x1680, 0x169C, SCRIPT_RARE + 80}, /* Ogham */
    {0x16A0, 0x16EA, SCRIPT_RARE + 100}, /* Runic */
    {0x16EE, 0x16F8, SCRIPT_RARE + 100}, /* Runic */
    {0x1700, 0x171F, SCRIPT_RARE + 113}, /* Tagalog */
    {0x1720, 0x1734, SCRIPT_RARE + 36}, /* Hanunoo */
    {0x1740, 0x1753, SCRIPT_RARE + 12}, /* Buhid */
    {0x1760, 0x1773, SCRIPT_RARE + 114}, /* Tagbanwa */
    {0x1780, 0x17F9, SCRIPT_KHMER},
    {0x1800, 0x1801, SCRIPT_RARE + 69}, /* Mongolian */
    {0x1804, 0x1804, SCRIPT_RARE + 69}, /* Mongolian */
    {0x1806, 0x18AA, SCRIPT_RARE + 69}, /* Mongolian */
    {0x18B0, 0x18F5, SCRIPT_RARE + 13}, /* Canadian_Aboriginal */
    {0x1900, 0x194F, SCRIPT_RARE + 50}, /* Limbu */
    {0x1950, 0x1974, SCRIPT_RARE + 115}, /* Tai_Le */
    {0x1980, 0x19DF, SCRIPT_RARE + 75}, /* New_Tai_Lue */
    {0x19E0, 0x19FF, SCRIPT_KHMER},
    {0x1A00, 0x1A1F, SCRIPT_RARE + 11}, /* Buginese */
    {0x1A20, 0x1AAD, SCRIPT_RARE + 116}, /* Tai_Tham */
    {0x1B00, 0x1B7E, SCRIPT_RARE + 4}, /* Balinese */
    {0x1B80, 0x1BBF, SCRIPT_RARE + 110}, /* Sundanese */
    {0x1BC0, 0x1BFF, SCRIPT_RARE + 7}, /* Batak */
    {0x1C00, 0x1C4F, SCRIPT_RARE + 49}, /* Lepcha */
    {0x1C50, 0x1C7F, SCRIPT_RARE + 81}, /* Ol_Chiki */
    {0x1C80, 0x1C88, SCRIPT_CYRILLIC},
    {0x1C90, 0x1CBF, SCRIPT_GEORGIAN},
    {0x1CC0, 0x1CC7, SCRIPT_RARE + 110}, /* Sundanese */
    {0x1D00, 0x1D25, SCRIPT_LATIN},
    {0x1D26, 0x1D2A, SCRIPT_GREEK},
    {0x1D2B, 0x1D2B, SCRIPT_CYRILLIC},
    {0x1D2C, 0x1D5C, SCRIPT_LATIN},
    {0x1D5D, 0x1D61, SCRIPT_GREEK},
    {0x1D62, 0x1D65, SCRIPT_LATIN},
    {0x1D66, 0x1D6A, SCRIPT_GREEK},
    {0x1D6B, 0x1D77, SCRIPT_LATIN},
    {0x1D78, 0x1D78, SCRIPT_CYRILLIC},
    {0x1D79, 0x1DBE, SCRIPT_LATIN},
    {0x1DBF, 0x1DBF, SCRIPT_GREEK},
    {0x1E00, 0x1EFF, SCRIPT_LATIN},
    {0x1F00, 0x1FFE, SCRIPT_GREEK},
    {0x2071, 0x2071, SCRIPT_LATIN},
    {0x207F, 0x207F, SCRIPT_LATIN},
    {0x2090, 0x209C, SCRIPT_LATIN},
    {0x2126, 0x2126, SCRIPT_GREEK},
    {0x212A, 0x212B, SCRIPT_LATIN},
    {0x2132, 0x2132, SCRIPT_LATIN},
    {0x214E, 0x214E, SCRIPT_LATIN},
    {0x2160, 0x2188, SCRIPT_LATIN},
    {0x2800, 0x28FF, SCRIPT_RARE + 10}, /* Braille */
    {0x2C00, 0x2C5F, SCRIPT_RARE + 31}, /* Glagolitic */
    {0x2C60, 0x2C7F, SCRIPT_LATIN},
    {0x2C80, 0x2CFF, SCRIPT_RARE + 20}, /* Coptic */
    {0x2D00, 0x2D2D, SCRIPT_GEORGIAN},
    {0x2D30, 0x2D7F, SCRIPT_RARE + 121}, /* Tifinagh */
    {0x2D80, 0x2DDE, SCRIPT_ETHIOPIC},
    {0x2DE0, 0x2DFF, SCRIPT_CYRILLIC},
    {0x2E80, 0x2FD5, SCRIPT_HAN},
    {0x3005, 0x3005, SCRIPT_HAN},
    {0x3007, 0x3007, SCRIPT_HAN},
    {0x3021, 0x3029, SCRIPT_HAN},
    {0x302E, 0x302F, SCRIPT_HANGUL},
    {0x3038, 0x303B, SCRIPT_HAN},
    {0x3041, 0x3096, SCRIPT_HIRAGANA},
    {0x309D, 0x309F, SCRIPT_HIRAGANA},
    {0x30A1, 0x30FA, SCRIPT_KATAKANA},
    {0x30FD, 0x30FF, SCRIPT_KATAKANA},
    {0x3105, 0x312F, SCRIPT_BOPOMOFO},
    {0x3131, 0x318E, SCRIPT_HANGUL},
    {0x31A0, 0x31BF, SCRIPT_BOPOMOFO},
    {0x31F0, 0x31FF, SCRIPT_KATAKANA},
    {0x3200, 0x321E, SCRIPT_HANGUL},
    {0x3260, 0x327E, SCRIPT_HANGUL},
    {0x32D0, 0x32FE, SCRIPT_KATAKANA},
    {0x3300, 0x3357, SCRIPT_KATAKANA},
    {0x3400, 0x4DBF, SCRIPT_HAN},
    {0x4E00, 0x9FFF, SCRIPT_HAN},
    {0xA000, 0xA4C6, SCRIPT_RARE + 130}, /* Yi */
    {0xA4D0, 0xA4FF, SCRIPT_RARE + 53}, /* Lisu */
    {0xA500, 0xA62B, SCRIPT_RARE + 125}, /* Vai */
    {0xA640, 0xA69F, SCRIPT_CYRILLIC},
    {0xA6A0, 0xA6F7, SCRIPT_RARE + 5}, /* Bamum */
    {0xA722, 0xA787, SCRIPT_LATIN},
    {0xA78B, 0xA7FF, SCRIPT_LATIN},
    {0xA800, 0xA82C, SCRIPT_RARE + 111}, /* Syloti_Nagri */
    {0xA840, 0xA877, SCRIPT_RARE + 96}, /* Phags_Pa */
    {0xA880, 0xA8D9, SCRIPT_RARE + 102}, /* Saurashtra */
    {0xA8E0, 0xA8FF, SCRIPT_DEVANAGARI},
    {0xA900, 0xA92D, SCRIPT_RARE + 44}, /* Kayah_Li */
    {0xA92F, 0xA92F, SCRIPT_RARE + 44}, /* Kayah_Li */
    {0xA930, 0xA95F, SCRIPT_RARE + 99}, /* Rejang */
    {0xA960, 0xA97C, SCRIPT_HANGUL},
    {0xA980, 0xA9CD, SCRIPT_RARE + 41}, /* Javanese */
    {0xA9D0, 0xA9DF, SCRIPT_RARE + 41}, /* Javanese */
    {0xA9E0, 0xA9FE, SCRIPT_MYANMAR},
    {0xAA00, 0xAA5F, SCRIPT_RARE + 17}, /* Cham */
    {0xAA60, 0xAA7F, SCRIPT_MYANMAR},
    {0xAA80, 0xAADF, SCRIPT_RARE + 117}, /* Tai_Viet */
    {0xAAE0, 0xAAF6, SCRIPT_RARE + 63}, /* Meetei_Mayek */
    {0xAB01, 0xAB2E, SCRIPT_ETHIOPIC},
    {0xAB30, 0xAB5A, SCRIPT_LATIN},
    {0xAB5C, 0xAB64, SCRIPT_LATIN},
    {0xAB65, 0xAB65, SCRIPT_GREEK},
    {0xAB66, 0xAB69, SCRIPT_LATIN},
    {0xAB70, 0xABBF, SCRIPT_RARE + 18}, /* Cherokee */
    {0xABC0, 0xABF9, SCRIPT_RARE + 63}, /* Meetei_Mayek */
    {0xAC00, 0xD7FB, SCRIPT_HANGUL},
    {0xF900, 0xFAD9, SCRIPT_HAN},
    {0xFB00, 0xFB06, SCRIPT_LATIN},
    {0xFB13, 0xFB17, SCRIPT_ARMENIAN},
    {0xFB1D, 0xFB4F, SCRIPT_HEBREW},
    {0xFB50, 0xFD3D, SCRIPT_ARABIC},
    {0xFD40, 0xFDFF, SCRIPT_ARABIC},
    {0xFE2E, 0xFE2F, SCRIPT_CYRILLIC},
    {0xFE70, 0xFEFC, SCRIPT_ARABIC},
    {0xFF21, 0xFF3A, SCRIPT_LATIN},
    {0xFF41, 0xFF5A, SCRIPT_LATIN},
    {0xFF66, 0xFF6F, SCRIPT_KATAKANA},
    {0xFF71, 0xFF9D, SCRIPT_KATAKANA},
    {0xFFA0, 0xFFDC, SCRIPT_HANGUL},
    {0x10000, 0x100FA, SCRIPT_RARE + 52}, /* Linear_B */
    {0x10140, 0x1018E, SCRIPT_GREEK},
    {0x101A0, 0x101A0, SCRIPT_GREEK},
    {0x10280, 0x1029C, SCRIPT_RARE + 54}, /* Lycian */
    {0x102A0, 0x102D0, SCRIPT_RARE + 14}, /* Carian */
    {0x10300, 0x1032F, SCRIPT_RARE + 83}, /* Old_Italic */
    {0x10330, 0x1034A, SCRIPT_RARE + 32}, /* Gothic */
    {0x10350, 0x1037A, SCRIPT_RARE + 85}, /* Old_Permic */
    {0x10380, 0x1039F, SCRIPT_RARE + 124}, /* Ugaritic */
    {0x103A0, 0x103D5, SCRIPT_RARE + 86}, /* Old_Persian */
    {0x10400, 0x1044F, SCRIPT_RARE + 24}, /* Deseret */
    {0x10450, 0x1047F, SCRIPT_RARE + 104}, /* Shavian */
    {0x10480, 0x104A9, SCRIPT_RARE + 92}, /* Osmanya */
    {0x104B0, 0x104FB, SCRIPT_RARE + 91}, /* Osage */
    {0x10500, 0x10527, SCRIPT_RARE + 29}, /* Elbasan */
    {0x10530, 0x1056F, SCRIPT_RARE + 15}, /* Caucasian_Albanian */
    {0x10570, 0x105BC, SCRIPT_RARE + 126}, /* Vithkuqi */
    {0x10600, 0x10767, SCRIPT_RARE + 51}, /* Linear_A */
    {0x10780, 0x107BA, SCRIPT_LATIN},
    {0x10800, 0x1083F, SCRIPT_RARE + 22}, /* Cypriot */
    {0x10840, 0x1085F, SCRIPT_RARE + 38}, /* Imperial_Aramaic */
    {0x10860, 0x1087F, SCRIPT_RARE + 94}, /* Palmyrene */
    {0x10880, 0x108AF, SCRIPT_RARE + 72}, /* Nabataean */
    {0x108E0, 0x108FF, SCRIPT_RARE + 37}, /* Hatran */
    {0x10900, 0x1091F, SCRIPT_RARE + 97}, /* Phoenician */
    {0x10920, 0x1093F, SCRIPT_RARE + 55}, /* Lydian */
    {0x10980, 0x1099F, SCRIPT_RARE + 66}, /* Meroitic_Hieroglyphs */
    {0x109A0, 0x109FF, SCRIPT_RARE + 65}, /* Meroitic_Cursive */
    {0x10A00, 0x10A58, SCRIPT_RARE + 45}, /* Kharoshthi */
    {0x10A60, 0x10A7F, SCRIPT_RARE + 88}, /* Old_South_Arabian */
    {0x10A80, 0x10A9F, SCRIPT_RARE + 84}, /* Old_North_Arabian */
    {0x10AC0, 0x10AF6, SCRIPT_RARE + 59}, /* Manichaean */
    {0x10B00, 0x10B3F, SCRIPT_RARE + 3}, /* Avestan */
    {0x10B40, 0x10B5F, SCRIPT_RARE + 40}, /* Inscriptional_Parthian */
    {0x10B60, 0x10B7F, SCRIPT_RARE + 39}, /* Inscriptional_Pahlavi */
    {0x10B80, 0x10BAF, SCRIPT_RARE + 98}, /* Psalter_Pahlavi */
    {0x10C00, 0x10C48, SCRIPT_RARE + 89}, /* Old_Turkic */
    {0x10C80, 0x10CFF, SCRIPT_RARE + 82}, /* Old_Hungarian */
    {0x10D00, 0x10D39, SCRIPT_RARE + 35}, /* Hanifi_Rohingya */
    {0x10E60, 0x10E7E, SCRIPT_ARABIC},
    {0x10E80, 0x10EB1, SCRIPT_RARE + 129}, /* Yezidi */
    {0x10EFD, 0x10EFF, SCRIPT_ARABIC},
    {0x10F00, 0x10F27, SCRIPT_RARE + 87}, /* Old_Sogdian */
    {0x10F30, 0x10F59, SCRIPT_RARE + 107}, /* Sogdian */
    {0x10F70, 0x10F89, SCRIPT_RARE + 90}, /* Old_Uyghur */
    {0x10FB0, 0x10FCB, SCRIPT_RARE + 19}, /* Chorasmian */
    {0x10FE0, 0x10FF6, SCRIPT_RARE + 30}, /* Elymaic */
    {0x11000, 0x1107F, SCRIPT_RARE + 9}, /* Brahmi */
    {0x11080, 0x110CD, SCRIPT_RARE + 42}, /* Kaithi */
    {0x110D0, 0x110F9, SCRIPT_RARE + 108}, /* Sora_Sompeng */
    {0x11100, 0x11147, SCRIPT_RARE + 16}, /* Chakma */
    {0x11150, 0x11176, SCRIPT_RARE + 56}, /* Mahajani */
    {0x11180, 0x111DF, SCRIPT_RARE + 103}, /* Sharada */
    {0x111E1, 0x111F4, SCRIPT_SINHALA},
    {0x11200, 0x11241, SCRIPT_RARE + 47}, /* Khojki */
    {0x11280, 0x112A9, SCRIPT_RARE + 71}, /* Multani */
    {0x112B0, 0x112F9, SCRIPT_RARE + 48}, /* Khudawadi */
    {0x11300, 0x11339, SCRIPT_RARE + 33}, /* Grantha */
    {0x1133C, 0x11374, SCRIPT_RARE + 33}, /* Grantha */
    {0x11400, 0x11461, SCRIPT_RARE + 76}, /* Newa */
    {0x11480, 0x114D9, SCRIPT_RARE + 122}, /* Tirhuta */
    {0x11580, 0x115DD, SCRIPT_RARE + 105}, /* Siddham */
    {0x11600, 0x11659, SCRIPT_RARE + 68}, /* Modi */
    {0x11660, 0x1166C, SCRIPT_RARE + 69}, /* Mongolian */
    {0x11680, 0x116C9, SCRIPT_RARE + 118}, /* Takri */
    {0x11700, 0x11746, SCRIPT_RARE + 1}, /* Ahom */
    {0x11800, 0x1183B, SCRIPT_RARE + 26}, /* Dogra */
    {0x118A0, 0x118FF, SCRIPT_RARE + 128}, /* Warang_Citi */
    {0x11900, 0x11959, SCRIPT_RARE + 25}, /* Dives_Akuru */
    {0x119A0, 0x119E4, SCRIPT_RARE + 74}, /* Nandinagari */
    {0x11A00, 0x11A47, SCRIPT_RARE + 131}, /* Zanabazar_Square */
    {0x11A50, 0x11AA2, SCRIPT_RARE + 109}, /* Soyombo */
    {0x11AB0, 0x11ABF, SCRIPT_RARE + 13}, /* Canadian_Aboriginal */
    {0x11AC0, 0x11AF8, SCRIPT_RARE + 95}, /* Pau_Cin_Hau */
    {0x11B00, 0x11B09, SCRIPT_DEVANAGARI},
    {0x11C00, 0x11C6C, SCRIPT_RARE + 8}, /* Bhaiksuki */
    {0x11C70, 0x11CB6, SCRIPT_RARE + 60}, /* Marchen */
    {0x11D00, 0x11D59, SCRIPT_RARE + 61}, /* Masaram_Gondi */
    {0x11D60, 0x11DA9, SCRIPT_RARE + 34}, /* Gunjala_Gondi */
    {0x11EE0, 0x11EF8, SCRIPT_RARE + 57}, /* Makasar */
    {0x11F00, 0x11F59, SCRIPT_RARE + 43}, /* Kawi */
    {0x11FB0, 0x11FB0, SCRIPT_RARE + 53}, /* Lisu */
    {0x11FC0, 0x11FFF, SCRIPT_TAMIL},
    {0x12000, 0x12543, SCRIPT_RARE + 21}, /* Cuneiform */
    {0x12F90, 0x12FF2, SCRIPT_RARE + 23}, /* Cypro_Minoan */
    {0x13000, 0x13455, SCRIPT_RARE + 28}, /* Egyptian_Hieroglyphs */
    {0x14400, 0x14646, SCRIPT_RARE + 2}, /* Anatolian_Hieroglyphs */
    {0x16800, 0x16A38, SCRIPT_RARE + 5}, /* Bamum */
    {0x16A40, 0x16A6F, SCRIPT_RARE + 70}, /* Mro */
    {0x16A70, 0x16AC9, SCRIPT_RARE + 119}, /* Tangsa */
    {0x16AD0, 0x16AF5, SCRIPT_RARE + 6}, /* Bassa_Vah */
    {0x16B00, 0x16B8F, SCRIPT_RARE + 93}, /* Pahawh_Hmong */
    {0x16E40, 0x16E9A, SCRIPT_RARE + 62}, /* Medefaidrin */
    {0x16F00, 0x16F9F, SCRIPT_RARE + 67}, /* Miao */
    {0x16FE0, 0x16FE0, SCRIPT_RARE + 120}, /* Tangut */
    {0x16FE1, 0x16FE1, SCRIPT_RARE + 78}, /* Nushu */
    {0x16FE2, 0x16FE3, SCRIPT_HAN},
    {0x16FE4, 0x16FE4, SCRIPT_RARE + 46}, /* Khitan_Small_Script */
    {0x16FF0, 0x16FF1, SCRIPT_HAN},
    {0x17000, 0x18AFF, SCRIPT_RARE + 120}, /* Tangut */
    {0x18B00, 0x18CD5, SCRIPT_RARE + 46}, /* Khitan_Small_Script */
    {0x18D00, 0x18D08, SCRIPT_RARE + 120}, /* Tangut */
    {0x1AFF0, 0x1B000, SCRIPT_KATAKANA},
    {0x1B001, 0x1B11F, SCRIPT_HIRAGANA},
    {0x1B120, 0x1B122, SCRIPT_KATAKANA},
    {0x1B132, 0x1B152, SCRIPT_HIRAGANA},
    {0x1B155, 0x1B167, SCRIPT_KATAKANA},
    {0x1B170, 0x1B2FB, SCRIPT_RARE + 78}, /* Nushu */
    {0x1BC00, 0x1BC9F, SCRIPT_RARE + 27}, /* Duployan */
    {0x1D200, 0x1D245, SCRIPT_GREEK},
    {0x1D800, 0x1DAAF, SCRIPT_RARE + 106}, /* SignWriting */
    {0x1DF00, 0x1DF2A, SCRIPT_LATIN},
    {0x1E000, 0x1E02A, SCRIPT_RARE + 31}, /* Glagolitic */
    {0x1E030, 0x1E08F, SCRIPT_CYRILLIC},
    {0x1E100, 0x1E14F, SCRIPT_RARE + 79}, /* Nyiakeng_Puachue_Hmong */
    {0x1E290, 0x1E2AE, SCRIPT_RARE + 123}, /* Toto */
    {0x1E2C0, 0x1E2FF, SCRIPT_RARE + 127}, /* Wancho */
    {0x1E4D0, 0x1E4F9, SCRIPT_RARE + 73}, /* Nag_Mundari */
    {0x1E7E0, 0x1E7FE, SCRIPT_ETHIOPIC},
    {0x1E800, 0x1E8D6, SCRIPT_RARE + 64}, /* Mende_Kikakui */
    {0x1E900, 0x1E95F, SCRIPT_RARE + 0}, /* Adlam */
    {0x1EE00, 0x1EEF1, SCRIPT_ARABIC},
    {0x1F200, 0x1F200, SCRIPT_HIRAGANA},
    {0x20000, 0x323AF, SCRIPT_HAN},
};
