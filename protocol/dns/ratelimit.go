package dns

import (
	"io"
	"net/netip"
	"time"
)

const (
	// limiterSets times limiterWays networks are kept in mind, in 24 bytes each.
	limiterSets = 4096
	limiterWays = 4

	// freeBytes is what a network of strangers gets above MaxAmplification at
	// once, and freeBytesPerSecond what comes again: many times what an office
	// asks, and not worth forging a sender for.
	freeBytes          = 16 << 10
	freeBytesPerSecond = 4 << 10
)

// A limiter knows what networks of strangers got lately. Its memory is fixed:
// when it is full, the network that was silent longest is forgotten. The hash
// is keyed, so that nobody can choose whom he pushes out.
type limiter struct {
	key   [16]byte
	start time.Time
	sets  [limiterSets][limiterWays]account
}

// An account is one network's.
type account struct {
	tag    uint32 // of its hash; 0: free
	bytes  int32  // that it may still get
	tokens int32  // thousandths of answers that it may still get
	over   uint32 // answers that were too many
	last   int64  // milliseconds since start
}

// newLimiter makes one that is empty.
func newLimiter(now time.Time, random io.Reader) (*limiter, error) {
	l := &limiter{start: now}
	_, err := io.ReadFull(random, l.key[:])
	return l, err
}

// hash names the network of a: a /24, or a /56 of IPv6. It is never 0.
func (l *limiter) hash(a netip.Addr) uint64 {
	var p [7]byte
	n := 0
	if a.Is4() {
		b := a.As4()
		n = copy(p[:], b[:3])
	} else {
		b := a.As16()
		n = copy(p[:], b[:7])
	}
	return sipHash(&l.key, p[:n]) | 1<<32
}

// account is the account of a network, with what time has brought it.
func (l *limiter) account(network uint64, now time.Time, perSecond int) *account {
	set, tag := &l.sets[network%limiterSets], uint32(network>>32)
	ms := now.Sub(l.start).Milliseconds()
	found := &set[0]
	for i := range set {
		a := &set[i]
		if a.tag == tag {
			found = a
			break
		}
		if found.tag != 0 && (a.tag == 0 || a.last < found.last) {
			found = a
		}
	}
	a := found
	burst := int64(max(perSecond, 1)) * 1000
	if a.tag != tag {
		*a = account{tag: tag, bytes: freeBytes, tokens: int32(min(burst, 1<<30)), last: ms}
		return a
	}
	if d := min(max(ms-a.last, 0), 10_000); d > 0 {
		a.bytes = int32(min(int64(a.bytes)+d*freeBytesPerSecond/1000, freeBytes))
		a.tokens = int32(min(int64(a.tokens)+d*int64(perSecond), burst, 1<<30))
		a.last = ms
	}
	return a
}

// stranger notes of whose network x is, if that is to be limited.
func (s *Server) stranger(x *exchange) bool {
	if x.q.Network != OverUDP || x.proven {
		return false
	}
	from := x.q.From.Addr.Addr().Unmap()
	if !from.IsValid() || from.IsLoopback() || s.MaxAmplification < 0 && s.RatePerSecond <= 0 {
		return false
	}
	if s.limiter == nil {
		l, err := newLimiter(s.loop.Now(), s.loop.Rand())
		if err != nil {
			return false
		}
		s.limiter = l
	}
	x.network = s.limiter.hash(from)
	return true
}

// within reports whether x's network may have one more answer in this second.
// If not, x says what it gets instead.
func (s *Server) within(x *exchange) bool {
	if !s.stranger(x) || s.RatePerSecond <= 0 {
		return true
	}
	a := s.limiter.account(x.network, s.loop.Now(), s.RatePerSecond)
	if a.tokens >= 1000 {
		a.tokens -= 1000
		return true
	}
	s.stats.Limited++
	x.w.Reset()
	if a.over++; a.over%2 == 1 {
		x.w.SetTruncated(true)
	} else {
		x.w.Drop()
	}
	return false
}

// ration is p, or what x's network gets instead: half of what is too much is
// answered, so that an honest client whose address a flood uses comes again by
// TCP.
func (s *Server) ration(x *exchange, p []byte) []byte {
	if s.MaxAmplification < 0 {
		return p
	}
	times := s.MaxAmplification
	if times == 0 {
		times = DefaultMaxAmplification
	}
	a := s.limiter.account(x.network, s.loop.Now(), s.RatePerSecond)
	leave := int64(a.bytes) + int64(times)*int64(len(x.q.raw))
	if int64(len(p)) > leave {
		s.stats.Limited++
		if a.over++; a.over%2 == 1 {
			x.w.Reset()
			x.w.SetTruncated(true)
			x.w.signing = nil
			p = x.w.finish()
		} else {
			p = nil
		}
	}
	a.bytes = int32(min(max(leave-int64(len(p)), 0), freeBytes))
	return p
}
