package cred_test

import (
	"crypto/hmac"
	"crypto/md5"
)

func hmacMD5(key string, text []byte) []byte {
	h := hmac.New(md5.New, []byte(key))
	h.Write(text)
	return h.Sum(nil)
}
