package match

import "strings"

// providers are domains in which everybody may have an address or a page, or their beginnings where there is one for each
// country: equal ones tell nothing.
var (
	providers = set(`
		gmail.com googlemail.com outlook.com outlook.sa live.com msn.com icloud.com me.com mac.com aol.com gmx.de gmx.net gmx.com gmx.at gmx.ch web.de
		t-online.de freenet.de mail.com mail.ru yandex.ru yandex.com rambler.ru bk.ru list.ru inbox.ru proton.me protonmail.com pm.me tutanota.com tuta.com
		zoho.com fastmail.com hey.com qq.com 163.com 126.com sina.com foxmail.com naver.com daum.net hanmail.net rediffmail.com libero.it
		virgilio.it orange.fr wanadoo.fr free.fr laposte.net sfr.fr bluewin.ch comcast.net verizon.net att.net sbcglobal.net btinternet.com
		maktoob.com facebook.com instagram.com linkedin.com x.com twitter.com wa.me linktr.ee blogspot.com wordpress.com wixsite.com business.site`)
	countries = []string{"yahoo.", "hotmail.", "live.", "outlook.", "ymail.", "gmx.", "yandex."}
)

// Public reports whether everybody may have an address or a page under the domain.
func Public(domain string) bool {
	domain = strings.ToLower(domain)
	for d := domain; d != ""; {
		if providers[d] {
			return true
		}
		_, rest, ok := strings.Cut(d, ".")
		if !ok {
			break
		}
		d = rest
	}
	for _, c := range countries {
		if rest, ok := strings.CutPrefix(domain, c); ok && strings.Count(rest, ".") <= 1 && len(rest) <= 6 {
			return true
		}
	}
	return false
}
