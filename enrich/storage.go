package enrich

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"fluent-bit-misp/enrich/pending"
)

// A storage is where an engine keeps what it has to follow up.
type storage struct {
	queue *pending.Queue
	dir   string    // of the queue, "" if it is in memory
	file  *lateFile // nil if late hits go out with chunks
}

// openStorage opens the storage that the options name. The error joins one
// error for every mistake.
func openStorage(o Options, log *slog.Logger) (s storage, err error) {
	var mistakes [2]error
	s.queue, s.dir, mistakes[0] = openQueue(o, log)
	if o.LateHitsFile != "" {
		if s.file, err = openLateFile(o.LateHitsFile, log); err != nil {
			mistakes[1] = fmt.Errorf("late_hits_file %q: %w; want a file that Fluent Bit can append to", o.LateHitsFile, err)
		}
	}
	if err := errors.Join(mistakes[:]...); err != nil {
		s.close()
		return storage{}, err
	}
	return s, nil
}

// close closes the queue, if there is one.
func (s storage) close() {
	if s.queue != nil {
		s.queue.Close()
	}
}

// openQueue opens the queue of an engine, and returns the directory that it is
// in. Engines with the same storage_path have one each, numbered in the order in
// which they are opened, which for the sections of a configuration is always
// the same: so each finds its own again, also under another url or key.
func openQueue(o Options, log *slog.Logger) (q *pending.Queue, dir string, err error) {
	cfg := pending.Config{Size: o.PendingSize, Log: log}
	if o.StoragePath == "" {
		q, err = pending.Open(cfg)
		return q, "", err
	}
	if err := pending.MakeDir(o.StoragePath); err != nil {
		return nil, "", storageMistake(o.StoragePath, err)
	}
	for n := 1; ; n++ {
		cfg.Dir = filepath.Join(o.StoragePath, fmt.Sprintf("%s%d", queuePrefix, n))
		q, err := pending.Open(cfg)
		switch {
		case errors.Is(err, pending.ErrInUse) && n < maxQueues:
			continue
		case err != nil:
			return nil, "", storageMistake(cfg.Dir, err)
		}
		return q, cfg.Dir, nil
	}
}

func storageMistake(dir string, err error) error {
	return fmt.Errorf("storage_path %q: %w; want a directory of the user as whom Fluent Bit runs", dir, err)
}

const (
	queuePrefix = "queue-"
	maxQueues   = 1000 // engines with the same storage_path
)
