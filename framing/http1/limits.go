package http1

// Limits are how much of a message is read before it is refused, with the status
// that each names; 502 for the head of a response. The zero value has the
// defaults; nothing is larger than 1 GiB. Immutable after first use.
type Limits struct {
	// MaxLine is how many bytes a request line or status line may have, without
	// its line end; 0 or less: 8,192. What is longer is refused with 414.
	MaxLine int
	// MaxField is how many bytes a field line may have, in a head or a trailer
	// section, without its line end; 0 or less: 8,192. Refused with 431.
	MaxField int
	// MaxHead is how many bytes all field lines of a head may have together,
	// line ends included, the first line not; 0 or less: 16,384. Refused with 431.
	MaxHead int
	// MaxFields is how many fields a head or a trailer section may have; 0 or
	// less: 100. Refused with 431, in a trailer section with 400.
	MaxFields int
	// MaxChunkLine is how many bytes the line of a chunk's size and extensions
	// may have, without its line end; 0 or less: 1,024. Refused with 400.
	MaxChunkLine int
	// MaxExtensions is how many bytes all chunk extensions of one body may have
	// together; 0 or less: 16,384. Refused with 400.
	MaxExtensions int
	// MaxTrailer is how many bytes the field lines of a trailer section may have
	// together, line ends included; 0 or less: 65,536. Refused with 400.
	MaxTrailer int
}

// The limits of a Limits that names none, in bytes and fields.
const (
	defaultMaxLine       = 8 << 10
	defaultMaxField      = 8 << 10
	defaultMaxHead       = 16 << 10
	defaultMaxFields     = 100
	defaultMaxChunkLine  = 1 << 10
	defaultMaxExtensions = 16 << 10
	defaultMaxTrailer    = 64 << 10
)

// defaults serve who names no Limits.
var defaults Limits

func (l *Limits) maxLine() int       { return or(l.MaxLine, defaultMaxLine) }
func (l *Limits) maxField() int      { return or(l.MaxField, defaultMaxField) }
func (l *Limits) maxHead() int       { return or(l.MaxHead, defaultMaxHead) }
func (l *Limits) maxFields() int     { return or(l.MaxFields, defaultMaxFields) }
func (l *Limits) maxChunkLine() int  { return or(l.MaxChunkLine, defaultMaxChunkLine) }
func (l *Limits) maxExtensions() int { return or(l.MaxExtensions, defaultMaxExtensions) }
func (l *Limits) maxTrailer() int    { return or(l.MaxTrailer, defaultMaxTrailer) }

// or is n, or what holds when nothing was said; 1 GiB is as good as no limit,
// and leaves the sums of limits and lengths within 32 bits.
func or(n, whenZero int) int {
	if n <= 0 {
		return whenZero
	}
	return min(n, 1<<30)
}
