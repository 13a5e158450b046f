package enrich

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"fluent-bit-misp/enrich/pending"
)

// A storage is where an engine keeps what it has to follow up.
type storage struct {
	queue *pending.Queue
	dir   string    // of the queue, "" if it is in memory
	label string    // of the queue: which MISP it waits for
	file  *lateFile // nil if late hits go out with chunks
	log   *slog.Logger
}

// openStorage opens the storage that the options name. The error joins one
// error for every mistake.
func openStorage(o Options, log *slog.Logger) (s storage, err error) {
	var mistakes [2]error
	s.label, s.log = label(o), log
	s.queue, s.dir, mistakes[0] = openQueue(o, s.label, log)
	if o.LateHitsFile != "" {
		if s.file, err = openLateFile(o.LateHitsFile, log); err != nil {
			mistakes[1] = lateFileMistake(o.LateHitsFile, err)
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

// label tells the MISP of an engine from others, by the options that decide on
// its answers. A queue whose alerts wait for one has it.
func label(o Options) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s %d %d", o.MISP.URL, o.MISP.ToIDs, o.MISP.Published)))
}

// openQueue opens the queue of an engine, and returns the directory that it is
// in, "" if it is in memory, as it also is while the disk is in trouble.
//
// Engines with the same storage_path have one each. An engine takes the first
// that nobody has open, unless alerts wait there for another MISP: so it finds
// its own again, whatever else has changed. What nobody finds again is taken
// over (see [storage.takeOver]).
func openQueue(o Options, label string, log *slog.Logger) (q *pending.Queue, dir string, err error) {
	cfg := pending.Config{Size: o.PendingSize, Label: label, Log: log}
	if o.StoragePath == "" {
		q, err = pending.Open(cfg)
		return q, "", err
	}
	if err := pending.MakeDir(o.StoragePath); err != nil && !pending.IsTrouble(err) {
		return nil, "", storageMistake(o.StoragePath, err)
	}
	for n := 1; ; n++ {
		cfg.Dir = filepath.Join(o.StoragePath, fmt.Sprintf("%s%d", queuePrefix, n))
		q, err := pending.Open(cfg)
		switch {
		case (errors.Is(err, pending.ErrInUse) || errors.Is(err, pending.ErrOther)) && n < maxQueues:
			continue
		case err != nil:
			return nil, "", storageMistake(cfg.Dir, err)
		}
		if !q.Durable() {
			return q, "", nil
		}
		return q, cfg.Dir, nil
	}
}

// queueDirs returns the directories of the queues below a storage_path.
func queueDirs(storagePath string) (dirs []string, err error) {
	entries, err := os.ReadDir(storagePath)
	for _, entry := range entries {
		if entry.IsDir() && strings.HasPrefix(entry.Name(), queuePrefix) {
			dirs = append(dirs, filepath.Join(storagePath, entry.Name()))
		}
	}
	return dirs, err
}

func storageMistake(dir string, err error) error {
	return fmt.Errorf("storage_path %q: %w; want a directory of the user as whom Fluent Bit runs", dir, err)
}

const (
	queuePrefix = "queue-"
	maxQueues   = 1000 // engines with the same storage_path
)
