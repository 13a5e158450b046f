package pending

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"fluent-bit-misp/misp/file"
)

// MakeDir makes sure that path is a directory that belongs to this user and
// that no other can write to. It makes one, with mode 0700, if there is none.
// What others may have prepared is refused: a symbolic link, or a directory of
// somebody else's.
func MakeDir(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return file.WithoutName(err)
		}
	}
	return CheckDir(path)
}

// CheckDir returns the error that [MakeDir] would return for what is there, nil
// if there is nothing.
func CheckDir(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return file.WithoutName(err)
	}
	if err := own(info); err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("it is not a directory")
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("others may write to it (mode %04o)", mode)
	}
	return nil
}

// IsTrouble reports whether an error of [MakeDir] says that the disk is full,
// read-only or broken, which may pass by itself, and not that the directory is
// the wrong one.
func IsTrouble(err error) bool {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EROFS, syscall.EDQUOT, syscall.EIO, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// own reports what another user could have put where we write.
func own(info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return errors.New("it is a symbolic link")
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, not to %d, as whom this runs", stat.Uid, os.Geteuid())
	}
	return nil
}

// ErrInUse is the error of [Open] for a directory that another queue has open,
// in this process or in another one.
var ErrInUse = errors.New("it is in use by another queue")

// lock takes a directory for this queue alone, until the file is closed or the
// process ends, however it does.
func lock(root *os.Root) (*os.File, error) {
	f, err := root.OpenFile("lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if err == syscall.EWOULDBLOCK {
			err = ErrInUse
		}
		return nil, err
	}
	return f, nil
}
