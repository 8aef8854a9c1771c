package cred

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twistor-go/twistor/service/cred/passwd"
)

// A Type is a Checker as a person asks for it: --auth NAME[:ARGUMENT].
// Immutable after first use.
type Type struct {
	Name string
	// Argument is what follows the colon, as help shows it: PATH, [PATTERN]; "":
	// nothing does.
	Argument string
	Short    string // a line of help, without a period
	Long     string // the rest of it
	Kinds    []Kind // what its Checkers take
	// New makes a Checker. Its error says what was wanted and never quotes the
	// argument, which may have a password in it.
	New func(argument string) (Checker, error)
}

// Types are those of this package, by name.
func Types() []Type {
	return []Type{
		{"anonymous", "", "let everybody in", "Whoever does not say who he is gets in as nobody in particular.\n",
			[]Kind{KindAnonymous}, newAnonymous},
		{"file", "PATH[:OPTION...]", "the users of a file", fileHelp,
			recordKinds, newFile},
		{"memory", "USER:PASSWORD[:USER:PASSWORD...]", "the users that are named here", memoryHelp,
			recordKinds, newMemory},
		{"sshkey", "[PATTERN]", "the keys that users have put into their authorized_keys files", sshKeyHelp,
			[]Kind{KindSSHKey}, newSSHKeys},
		{"unix", "", "the accounts of this machine", unixHelp,
			[]Kind{KindPassword}, newUNIX},
	}
}

const fileHelp = `Each line of the file is a user's name, a colon, and what is kept of the
password, as htpasswd writes it (-B; -5, -2, -m and -s are read too), argon2id
($argon2id$), SCRAM-SHA-256$, or {plain} and the password itself. The file is
read again when it changes. Options, each after a colon:

  ignorecase   upper and lower case of names are the same
  scram        offer SCRAM-SHA-256; all lines must be SCRAM-SHA-256$ or {plain}
  plain        offer CRAM-MD5 and Digest as well; all lines must be {plain}
`

const memoryHelp = `Names and passwords by turns. A backslash stands before a colon or a backslash
that belongs to them. Everybody on this machine can see the command line of a
program: for more than a trial use file.
`

const sshKeyHelp = `PATTERN is where the file of keys is: %u is the user's name, %h the home, and
%h/.ssh/authorized_keys is what it is if it is not said. Options of a key that
the server does not obey refuse the key.
`

const unixHelp = `Passwords are those of /etc/passwd and /etc/shadow. The program must be allowed
to read both: most often it has to be started by root.
`

func newAnonymous(argument string) (Checker, error) {
	if argument != "" {
		return nil, errors.New("want no argument")
	}
	return AllowAnonymous{}, nil
}

func newUNIX(argument string) (Checker, error) {
	if argument != "" {
		return nil, errors.New("want no argument")
	}
	return &UNIX{}, nil
}

func newSSHKeys(argument string) (Checker, error) {
	if argument == "" {
		return &SSHKeys{}, nil
	}
	if !strings.HasPrefix(argument, "/") && !strings.HasPrefix(argument, "%h/") {
		return nil, errors.New("want a pattern that begins with / or %h/")
	}
	return &SSHKeys{Files: []string{argument}}, nil
}

func newFile(argument string) (Checker, error) {
	parts, err := splitArgument(argument)
	if err != nil {
		return nil, err
	}
	if parts[0] == "" {
		return nil, errors.New("want the file's name")
	}
	f := &File{Name: parts[0]}
	for _, option := range parts[1:] {
		switch option {
		case "ignorecase":
			f.IgnoreCase = true
		case "scram":
			f.Also = append(f.Also, KindSCRAM)
		case "plain":
			f.Also = append(f.Also, KindSCRAM, KindCRAMMD5, KindDigest)
		default:
			return nil, fmt.Errorf("unknown option after the file's name: want ignorecase, scram or plain; a colon of the name is written %q", `\:`)
		}
	}
	slices.Sort(f.Also)
	f.Also = slices.Compact(f.Also)
	return f, nil
}

func newMemory(argument string) (Checker, error) {
	parts, err := splitArgument(argument)
	if err != nil {
		return nil, err
	}
	if len(parts)%2 != 0 {
		return nil, errors.New("want USER:PASSWORD, and more of both")
	}
	m := &Memory{Users: map[string]passwd.Record{}}
	for i := 0; i < len(parts); i += 2 {
		user, password := parts[i], parts[i+1]
		if _, twice := m.Users[user]; twice {
			return nil, fmt.Errorf("user %d of %d is the same as one before", i/2+1, len(parts)/2)
		}
		if user == "" || len(user) > maxUserBytes {
			return nil, fmt.Errorf("user %d of %d: want a name of 1 to %d bytes", i/2+1, len(parts)/2, maxUserBytes)
		}
		if _, err := passwd.Prepare(password); err != nil {
			return nil, fmt.Errorf("user %d of %d: want a password of 1 to %d bytes without control characters", i/2+1, len(parts)/2, passwd.MaxPasswordBytes)
		}
		m.Users[user] = passwd.Plain(password)
	}
	return m, nil
}

// splitArgument cuts at colons; a backslash takes the meaning of a colon, and
// of a backslash, away.
func splitArgument(s string) (parts []string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == ':':
			parts = append(parts, b.String())
			b.Reset()
			continue
		case s[i] == '\\':
			if i+1 == len(s) || s[i+1] != ':' && s[i+1] != '\\' {
				return nil, errors.New("want a colon or a backslash after a backslash")
			}
			i++
		}
		b.WriteByte(s[i])
	}
	return append(parts, b.String()), nil
}
