package h2

import "encoding/binary"

// Settings that we know. https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2
const (
	settingHeaderTableSize      = 0x1
	settingEnablePush           = 0x2
	settingMaxConcurrentStreams = 0x3
	settingInitialWindowSize    = 0x4
	settingMaxFrameSize         = 0x5
	settingMaxHeaderListSize    = 0x6
	settingEnableConnect        = 0x8 // https://www.rfc-editor.org/rfc/rfc8441#section-3
	settingNoPriorities         = 0x9 // https://www.rfc-editor.org/rfc/rfc9218#section-2.1
)

// settings are what the peer has said.
type settings struct {
	maxStreams    int // that we may open
	initialWindow int // of streams, for what we send
	connect       bool
}

// appendSettings appends what we say of ourselves: for a client after the
// preface, and for both with the window of the connection.
func (c *Conn) appendSettings(dst []byte) []byte {
	at := len(dst)
	dst = appendFrameHead(dst, 0, frameSettings, 0, 0)
	set := func(id uint16, v int) {
		dst = binary.BigEndian.AppendUint16(dst, id)
		dst = binary.BigEndian.AppendUint32(dst, uint32(v))
	}
	if c.role == Client {
		set(settingEnablePush, 0)
	} else {
		set(settingMaxConcurrentStreams, c.config.MaxStreams)
		if c.config.Connect {
			set(settingEnableConnect, 1)
		}
		set(settingNoPriorities, 1)
	}
	set(settingInitialWindowSize, c.config.StreamWindowBytes)
	set(settingMaxHeaderListSize, c.config.MaxHeaderBytes)
	dst[at+2] = byte(len(dst) - at - frameHead)
	if more := c.config.ConnWindowBytes - firstWindow; more > 0 {
		dst = appendWindowUpdate(dst, 0, more)
	}
	return dst
}

// settingsReceived obeys the peer's, in their order, and says so.
func (c *Conn) settingsReceived(f *frame) error {
	switch {
	case f.stream != 0:
		return fault(ProtocolError, "SETTINGS on a stream")
	case f.has(flagAck) && len(f.payload) > 0:
		return fault(FrameSizeError, "an acknowledgement with settings in it")
	case f.has(flagAck):
		return nil
	case len(f.payload)%6 != 0:
		return fault(FrameSizeError, "SETTINGS of a broken length")
	}
	for p := f.payload; len(p) > 0; p = p[6:] {
		if err := c.setting(binary.BigEndian.Uint16(p), binary.BigEndian.Uint32(p[2:])); err != nil {
			return err
		}
	}
	if !c.control(appendFrameHead(c.pool.small[:0], 0, frameSettings, flagAck, 0)) {
		return nil
	}
	c.events.SettingsReceived()
	c.pump()
	return nil
}

func (c *Conn) setting(id uint16, v uint32) error {
	switch id {
	case settingHeaderTableSize:
		c.encoder.resize(int(min(v, maxTable)))
	case settingEnablePush:
		// "A client MUST treat receipt of a SETTINGS frame with
		// SETTINGS_ENABLE_PUSH set to 1 as a connection error."
		if v > 1 || v == 1 && c.role == Client {
			return fault(ProtocolError, "SETTINGS_ENABLE_PUSH is neither 0 nor 1")
		}
	case settingMaxConcurrentStreams:
		c.peer.maxStreams = int(min(v, maxWindow))
	case settingInitialWindowSize:
		if v > maxWindow {
			return fault(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE beyond 2^31-1")
		}
		return c.initialWindow(int(v))
	case settingMaxFrameSize:
		// It is checked, and not used: we send the least that all must take.
		if v < maxFrame || v > 1<<24-1 {
			return fault(ProtocolError, "SETTINGS_MAX_FRAME_SIZE is not from 2^14 to 2^24-1")
		}
	case settingEnableConnect:
		// "A sender MUST NOT send a value of 0 after previously sending a value of 1."
		if v > 1 || v == 0 && c.peer.connect {
			return fault(ProtocolError, "SETTINGS_ENABLE_CONNECT_PROTOCOL is neither 0 nor 1, or was 1")
		}
		c.peer.connect = v == 1
	case settingNoPriorities:
		if v > 1 {
			return fault(ProtocolError, "SETTINGS_NO_RFC7540_PRIORITIES is neither 0 nor 1")
		}
	}
	return nil // "An endpoint that receives a SETTINGS frame with any unknown identifier MUST ignore that setting."
}

// initialWindow changes the windows of all streams by what it differs from
// before: they may become negative.
// https://www.rfc-editor.org/rfc/rfc9113#section-6.9.2
func (c *Conn) initialWindow(n int) error {
	delta := n - c.peer.initialWindow
	c.peer.initialWindow = n
	for _, s := range c.streams {
		if s.sendWindow += delta; s.sendWindow > maxWindow {
			return fault(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE makes a window exceed 2^31-1")
		}
		if delta > 0 {
			c.line.add(s)
		}
	}
	return nil
}
