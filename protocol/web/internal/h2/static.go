package h2

// staticNames are the names of HPACK's static table that a header may have, by
// length: index is the first row with that name.
// https://www.rfc-editor.org/rfc/rfc7541#appendix-A
var staticNames = func() (byLength [28][]staticName) {
	for _, n := range []staticName{
		{"accept-charset", 15}, {"accept-encoding", 16}, {"accept-language", 17}, {"accept-ranges", 18},
		{"accept", 19}, {"access-control-allow-origin", 20}, {"age", 21}, {"allow", 22},
		{"authorization", 23}, {"cache-control", 24}, {"content-disposition", 25}, {"content-encoding", 26},
		{"content-language", 27}, {"content-length", indexContentLength}, {"content-location", 29},
		{"content-range", 30}, {"content-type", 31}, {"cookie", 32}, {"date", indexDate}, {"etag", 34},
		{"expect", 35}, {"expires", 36}, {"from", 37}, {"host", indexHost}, {"if-match", 39},
		{"if-modified-since", 40}, {"if-none-match", 41}, {"if-range", 42}, {"if-unmodified-since", 43},
		{"last-modified", 44}, {"link", 45}, {"location", 46}, {"max-forwards", 47},
		{"proxy-authenticate", 48}, {"proxy-authorization", 49}, {"range", 50}, {"referer", 51},
		{"refresh", 52}, {"retry-after", 53}, {"server", 54}, {"set-cookie", 55},
		{"strict-transport-security", 56}, {"user-agent", 58}, {"vary", 59}, {"via", 60},
		{"www-authenticate", 61},
	} {
		byLength[len(n.name)] = append(byLength[len(n.name)], n)
	}
	return byLength
}()

type staticName struct {
	name  string
	index int
}

// Rows of the static table that the encoder names.
const (
	indexAuthority     = 1
	indexMethod        = 2 // GET; 3 is POST
	indexPath          = 4 // "/"
	indexScheme        = 6 // http; 7 is https
	indexStatus        = 8 // 200
	indexContentLength = 28
	indexDate          = 33
	indexHost          = 38
	staticRows         = 61
)

// staticIndex is the row of a name, of any case; 0: it has none.
func staticIndex(name []byte) int {
	if len(name) >= len(staticNames) {
		return 0
	}
	for i := range staticNames[len(name)] {
		if n := &staticNames[len(name)][i]; sameName(name, n.name) {
			return n.index
		}
	}
	return 0
}

// sameName compares a name of any case with one in lower case.
func sameName[T []byte | string](name []byte, lower T) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := len(name) - 1; i >= 0; i-- { // names differ at their ends more often
		if lowered(name[i]) != lower[i] {
			return false
		}
	}
	return true
}

func lowered(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// statusIndex is the row of a whole :status field; 0: it has none.
func statusIndex(status int) int {
	switch status {
	case 200:
		return 8
	case 204:
		return 9
	case 206:
		return 10
	case 304:
		return 11
	case 400:
		return 12
	case 404:
		return 13
	case 500:
		return 14
	}
	return 0
}
