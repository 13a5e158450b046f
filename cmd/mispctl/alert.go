package main

import (
	"bytes"
	"encoding/json"
	"io"
)

// whole returns the JSON value that begins in a line and takes up all the rest of a
// file, as dashboards show alerts; the line if there is none.
func whole(line []byte, rest io.Reader) []byte {
	if json.Valid(line) {
		return line
	}
	begin := append(bytes.Clone(line), '\n')
	d := json.NewDecoder(io.MultiReader(bytes.NewReader(begin), rest))
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return line
	}
	if _, err := d.Token(); err != io.EOF {
		return line
	}
	return value
}

// unwrap returns the alert in a document of an index.
func unwrap(line []byte) []byte {
	var document struct {
		Index  *string         `json:"_index"`
		Source json.RawMessage `json:"_source"`
	}
	err := json.Unmarshal(line, &document)
	if err != nil || document.Index == nil || !bytes.HasPrefix(document.Source, []byte("{")) {
		return line
	}
	return document.Source
}
