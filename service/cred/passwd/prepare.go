package passwd

import (
	"errors"
	"fmt"

	"github.com/xdg-go/stringprep"
)

// Prepare is SASLprep: it makes one password of all that look the same, such
// as the ligature ﬁ and the letters fi. It refuses control characters, and
// passwords that are empty or too long.
//
// https://www.rfc-editor.org/rfc/rfc4013#section-2
func Prepare(password string) (string, error) {
	if len(password) > MaxPasswordBytes {
		return password, fmt.Errorf("passwd: password of %d bytes: want at most %d", len(password), MaxPasswordBytes)
	}
	prepared, err := stringprep.SASLprep.Prepare(password)
	if err != nil {
		// The library's error quotes a part of the password.
		return password, errors.New("passwd: password: want UTF-8 without control characters")
	}
	if prepared == "" {
		return password, errors.New("passwd: empty password")
	}
	return prepared, nil
}
