package web

import (
	"html"
	"strconv"

	"github.com/twistor-go/twistor/framing/http1"
)

// WriteError answers an error page: the status, what it means, public if it is
// not "", and the id under which the log has the failure. It says nothing else
// of the server. It is what a Server without ErrorPage answers.
func WriteError(w *ResponseWriter, r *Request, status int, public, id string) {
	title := strconv.Itoa(status) + " " + http1.StatusText(status)
	w.SetHeader("Content-Type", "text/html; charset=utf-8")
	w.SetHeader("X-Content-Type-Options", "nosniff")
	w.SetHeader("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	w.WriteHeader(status)
	w.WriteString("<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n" +
		"<title>" + title + "</title>\n<style>:root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;margin:12vh auto;max-width:36rem;padding:0 1rem}</style>\n<h1>" + title + "</h1>\n")
	if public != "" {
		w.WriteString("<p>" + html.EscapeString(public) + "</p>\n")
	}
	if id != "" {
		w.WriteString("<p>Request <code>" + html.EscapeString(id) + "</code></p>\n")
	}
}

// Refuse answers an error as the Server does: by its ErrorPage, else by
// WriteError, with public for the client's eyes, which may be "". Fields that
// were set stay.
func Refuse(w *ResponseWriter, r *Request, status int, public string) {
	w.implied = status
	if page := w.x.s.ErrorPage; page != nil {
		page(w, r, status, public, "")
	} else {
		WriteError(w, r, status, public, "")
	}
}

// NotFound answers 404.
func NotFound(w *ResponseWriter, r *Request) { Refuse(w, r, 404, "") }

// Forbidden answers 403.
func Forbidden(w *ResponseWriter, r *Request) { Refuse(w, r, 403, "") }
