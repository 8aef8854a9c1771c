// Package compress makes answers shorter on their way out, by zstd or gzip,
// and reads bodies that came so. Whoever serves text or JSON over a network
// wants the first, whoever takes compressed uploads the second.
//
//	answers := &compress.Answers{}
//	server := &web.Server{Handler: answers.Wrap(site)}
//
// What is compressed: answers whose type is worth it, of 1 KiB or more or of a
// length that is not known yet, that have no Content-Encoding, no Content-Range
// and no "Cache-Control: no-transform", for clients that would rather have it
// (Accept-Encoding with its weights, identity and "*"). Such answers vary with
// Accept-Encoding, whether this one is compressed or not, and a strong ETag
// becomes weak, since it no longer names these very bytes. An answer that goes
// on is compressed piece by piece; Flush sends all that was written.
//
// What it is not for: pages that hold a secret, such as a CSRF token, beside
// something that a stranger chose: their length tells of the secret (BREACH).
// Give those "Cache-Control: no-transform".
//
// Bodies are compressed on the loop, some 4 ms a megabyte by zstd and 10 by gzip
// (BenchmarkAnswers): files that many ask for are better compressed beforehand, see
// package static.
//
// A Decoder reads a body that says Content-Encoding, and stops what grows beyond
// measure while it grows. Zstd is for web.Client.Decoders.
//
// Limits, for each Answers: 32 answers compressed at a time (0.8 MB each by gzip,
// 1.8 by zstd), others go as they are; 8 idle encoders a coding are kept. Of a
// Decoder: 10 MiB; 100 times what came, beyond 1 MiB; two codings on each other;
// windows of 8 MiB (RFC 9659).
//
// Left out: brotli (static sends it if it is there), deflate on the way out,
// dictionaries.
//
// RFCs: 9110 section 8.4 and 12.5.3, 1952 (gzip), 8878 and 9659 (zstd).
package compress
