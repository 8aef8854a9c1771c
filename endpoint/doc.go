// Package endpoint has the language of places: where to listen and whom to
// dial, as strings of a configuration.
package endpoint
