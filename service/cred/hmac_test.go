package cred_test

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
)

func hmacMD5(key string, text []byte) []byte {
	h := hmac.New(md5.New, []byte(key))
	h.Write(text)
	return h.Sum(nil)
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
