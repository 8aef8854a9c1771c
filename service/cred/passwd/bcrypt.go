package passwd

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/bcrypt"
)

// maxBcryptCost is the highest that htpasswd makes: seconds of a processor.
const maxBcryptCost = 17

// A bcryptHash is $2y$, cost, $, 22 characters of salt, 31 of hash. $2a$ and
// $2b$ differ only in errors that programs had which Go's never did.
type bcryptHash string

func parseBcrypt(text string) (form, error) {
	if len(text) != 60 {
		return nil, errors.New("want 60 characters")
	}
	for _, c := range []byte(text[7:]) {
		if !isCryptDigit(c) {
			return nil, errors.New("want letters, digits, . and / after the cost")
		}
	}
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil || text[6] != '$' || cost > maxBcryptCost {
		return nil, fmt.Errorf("cost: want 04 to %d", maxBcryptCost)
	}
	return bcryptHash(text), nil
}

func (h bcryptHash) verify(password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(h), []byte(password)) == nil
}

func isCryptDigit(c byte) bool {
	return c == '.' || c == '/' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
