package match

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"farley/internal/text"
	"farley/internal/text/sound"
)

// forms are legal forms and words that say no more than that it is a firm, folded, without points.
var forms = set(`
	ltd limited llc llp lp plc inc incorporated corp corporation co company companies gmbh mbh ag kg kgaa ohg ug gbr ev se sa sas sarl sasu eurl
	srl spa sl bv nv ab as asa aps oy oyj pty pte pvt sdn bhd kk jsc pjsc ojsc wll bsc saoc saog fzc fze fzco est establishment the and und et y
	شركه شركات مؤسسه موسسه ذمم مم شمم محدوده المحدوده مساهمه المساهمه قابضه القابضه مقفله عامه ش م ذ و`)

// trades are words for what firms do, by what they mean: people translate them.
var trades = readTrades()

func readTrades() map[string]string {
	out := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSpace(`
		trade trading trades commercial commerce للتجاره تجاره التجاره تجاريه التجاريه
		contract contracting contractors contractor للمقاولات مقاولات المقاولات
		group grp holding holdings مجموعه المجموعه قابضه
		industry industries industrial صناعه صناعات الصناعيه صناعيه للصناعات للصناعه
		service services خدمات للخدمات الخدمات
		international intl العالميه عالميه الدوليه دوليه
		general العامه عامه
		import imports importing للاستيراد استيراد
		export exports exporting للتصدير تصدير والتصدير
		investment investments للاستثمار استثمار استثمارات للاستثمارات
		transport transportation للنقل نقل النقل
		medical الطبيه طبيه
		food foods للاغذيه اغذيه الغذائيه
		technology technologies tech technolgy للتقنيه تقنيه التقنيه تكنولوجيا للتكنولوجيا
		construction constructions للانشاءات انشاءات للبناء
		realestate للعقارات عقارات العقاريه عقاريه
		bank البنك بنك مصرف
		brothers bros اخوان واخوانه
		sons وابناوه وابنائه واولاده اولاد ابناء`), "\n") {
		ws := strings.Fields(line)
		for _, w := range ws {
			out[text.Fold(w)] = ws[0]
		}
	}
	return out
}

func set(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[text.Fold(w)] = true
	}
	return out
}

// maxNameWords bounds the words of a name that are looked at.
const maxNameWords = 20

// leastHeard is the fewest consonants, a word for a trade counting as two, by which a whole name is told.
const leastHeard = 4

// words splits a name into its folded words. Points and apostrophes are left out: L.L.C. is LLC.
func words(name string) []string {
	s := strings.Map(func(r rune) rune {
		switch {
		case r == '.' || r == '\'' || r == '’' || r == '`':
			return -1
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			return r
		}
		return ' '
	}, text.Fold(name))
	ws := strings.Fields(s)
	return ws[:min(len(ws), maxNameWords)]
}

// reduce returns the words of a name that tell it from others, in an order of their own, and how they sound. Both are empty
// for a name of nothing but legal forms and trades.
func reduce(ws []string) (core, sounds string) {
	var proper, heard, does []string
	n := 0
	for _, w := range ws {
		if trade := trades[w]; trade != "" {
			does = append(does, "@"+trade)
			continue
		}
		if forms[w] || w == "al" || w == "el" {
			continue
		}
		proper = append(proper, w)
		h := w
		if all := sound.Of(w); len(all) > 0 {
			h = all[0].Plainly()
		}
		heard = append(heard, h)
		n += utf8.RuneCountInString(h)
	}
	if len(proper) == 0 {
		return "", ""
	}
	n += 2 * len(does)
	join := func(list []string) string {
		list = append(list, does...)
		slices.Sort(list)
		return strings.Join(slices.Compact(list), " ")
	}
	core = join(proper)
	if n >= leastHeard {
		sounds = join(heard)
	}
	return core, sounds
}
