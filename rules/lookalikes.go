package rules

// lookAlikes says what looks like a character, or is written for it, so much that the profile strict takes it for it. What
// NFKC, case folding and the removal of accents make alike is not here. The Greek, Cyrillic, Armenian and Lisu letters are
// the ones that Unicode's confusables (UTS 39) give one Latin letter for.
var lookAlikes = map[rune]string{
	'a': "аɑαᴀꓮΛλ", 'b': "вьƄƅʙꓐß", 'c': "сᴄꓚ©¢", 'd': "ԁɗᴅꓒđ", 'e': "еҽɛεєᴇꓰ€ə", 'f': "ꓝƒ", 'g': "ɡցɢꓖǥ", 'h': "һհнʜꓧħ", 'i': "¡іıɩɪιꓲ", 'j': "јϳᴊꓙ",
	'k': "кκᴋꓗ", 'l': "ӏⅼʟꓡł", 'm': "мᴍꓟ", 'n': "ոпηɴꓠ", 'o': "оοօσᴏꓳø", 'p': "рρᴘꓑþ", 'q': "ԛգꓩ", 'r': "гᴦʀꓣ®", 's': "ѕꜱꓢ$", 't': "тτᴛꓔŧƭ",
	'u': "υսᴜꓴμ", 'v': "ѵνᴠꓦ√∨ⅴ✓✔☑", 'w': "ѡԝшωᴡꓪ", 'x': "хχꓫ×✕✖❌❎✗✘", 'y': "уүγʏꓬ", 'z': "ᴢꓜ",
	'0': "⓿", '1': "❶➀➊", '2': "❷➁➋", '3': "❸➂➌", '4': "❹➃➍", '5': "❺➄➎", '6': "❻➅➏", '7': "❼➆➐", '8': "❽➇➑", '9': "❾➈➒",
	// written for the character they stand for
	'加': "+➕伽咖", '微': "薇徽溦嶶㣲", '信': "伩", '群': "羣峮", '扣': "釦", '钱': "銭",
	// radicals that NFKC leaves alone
	'长': "⻓", '见': "⻅", '贝': "⻉", '车': "⻋", '门': "⻔", '青': "⻘", '页': "⻚", '风': "⻛", '飞': "⻜", '马': "⻢", '鱼': "⻥", '鸟': "⻦", '麦': "⻨",
	'黄': "⻩", '齐': "⻬", '龙': "⻰", '母': "⺟", '西': "⻄",
}
