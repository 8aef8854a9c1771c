package web

import (
	"strconv"
	"strings"
)

// maxPreferences is how many elements of Accept and Accept-Language are looked at.
const maxPreferences = 64

// Prefer returns the media type among offers, such as "text/html", that the
// client would rather have, the first one of those that it likes as much; "" if
// it takes none: answer 406 then, or the first in spite of it. An answer that depends on it says so:
// Vary: Accept. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
func (r *Request) Prefer(offers ...string) string {
	return r.preferred("Accept", offers, func(offer, wish string) int {
		kind, _, _ := strings.Cut(offer, "/")
		switch {
		case strings.EqualFold(wish, offer):
			return 3
		case len(wish) == len(kind)+2 && strings.HasSuffix(wish, "/*") && strings.EqualFold(wish[:len(kind)], kind):
			return 2
		case wish == "*/*":
			return 1
		}
		return 0
	})
}

// PreferLanguage is Prefer for languages, such as "en" or "de-CH": whoever
// wants "de" takes "de-CH", and whoever wants "de-AT" takes "de". Vary is Accept-Language.
// https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
func (r *Request) PreferLanguage(offers ...string) string {
	return r.preferred("Accept-Language", offers, func(offer, wish string) int {
		switch {
		case strings.EqualFold(wish, offer):
			return 4 << 10
		case below(offer, wish):
			return 2<<10 + len(wish)
		case below(wish, offer):
			return 1<<10 + len(offer)
		case wish == "*":
			return 1
		}
		return 0
	})
}

// below reports whether tag is language with more behind it.
func below(tag, language string) bool {
	return len(tag) > len(language) && tag[len(language)] == '-' && strings.EqualFold(tag[:len(language)], language)
}

// preferred is the offer of the highest weight. The weight of an offer is that of
// the wish that fits it best: by fits, where 0 is not at all.
func (r *Request) preferred(field string, offers []string, fits func(offer, wish string) int) string {
	if !r.Header.Has(field) && len(offers) > 0 {
		return offers[0]
	}
	list := strings.Split(strings.Join(r.Header.Values(field), ","), ",")
	list = list[:min(len(list), maxPreferences)]
	best, most := "", 0.0
	for _, offer := range offers {
		weight, closest := 0.0, 0
		for _, element := range list {
			wish, parameters, _ := strings.Cut(element, ";")
			if fit := fits(offer, strings.Trim(wish, " \t")); fit > closest {
				weight, closest = weightIn(parameters), fit
			}
		}
		if weight > most {
			best, most = offer, weight
		}
	}
	return best
}

// weightIn reads the parameter q; one that is none refuses.
// https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2
func weightIn(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.Trim(p, " \t"), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || !(q >= 0 && q <= 1) {
				return 0
			}
			return q
		}
	}
	return 1
}
