package persist

// maxDepth is how deep arrays and objects of a state may be inside each other:
// decoding is recursive, and a small file must not need a large stack.
const maxDepth = 100

// depth is how deep the brackets of a JSON text are inside each other. It is no
// check of the text: that is the decoder's.
func depth(text []byte) (deepest int) {
	at, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			at++
			deepest = max(deepest, at)
		case c == '}' || c == ']':
			at--
		}
	}
	return deepest
}
