package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// wideHeader and wideRow are a table of 20 columns as a business has them: keys,
// counts, money, measures, texts, flags and times. About 165 bytes a row.
const wideHeader = "id,customer_id,store_id,quantity,points,price,discount,tax,weight,distance,score,ratio,country,status,channel,comment,active,ordered_at,shipped_at,due_date\n"

var (
	countries = []string{"de", "fr", "it", "es", "nl", "pl", "se", "at", "ch", "dk"}
	statuses  = []string{"new", "paid", "packed", "shipped", "returned"}
	channels  = []string{"web", "shop", "phone", "partner"}
	epoch     = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
)

func wideRow(b []byte, r *rand.Rand, id int) []byte {
	at := epoch.Add(time.Duration(r.Int64N(365*86400)) * time.Second)
	b = strconv.AppendInt(b, int64(id), 10)
	for _, most := range []int64{100_000, 500, 20, 10_000} {
		b = strconv.AppendInt(append(b, ','), r.Int64N(most), 10)
	}
	for _, most := range []float64{1000, 50, 200} { // money
		b = strconv.AppendFloat(append(b, ','), r.Float64()*most, 'f', 2, 64)
	}
	for _, most := range []float64{30, 2000, 1, 1} { // measures
		b = strconv.AppendFloat(append(b, ','), r.Float64()*most, 'f', 6, 64)
	}
	b = append(append(b, ','), countries[r.IntN(len(countries))]...)
	b = append(append(b, ','), statuses[r.IntN(len(statuses))]...)
	b = append(append(b, ','), channels[r.IntN(len(channels))]...)
	b = append(b, ",order "...)
	b = strconv.AppendInt(b, r.Int64N(1_000_000), 36)
	b = append(b, " of the day"...)
	b = strconv.AppendBool(append(b, ','), r.IntN(4) > 0)
	b = at.AppendFormat(append(b, ','), "2006-01-02 15:04:05")
	b = at.Add(time.Duration(r.Int64N(5*86400))*time.Second).AppendFormat(append(b, ','), "2006-01-02 15:04:05")
	b = at.AddDate(0, 0, 30).AppendFormat(append(b, ','), "2006-01-02")
	return append(b, '\n')
}

// writeWide writes rows until there are n of them, or most bytes if most is not 0.
func writeWide(w io.Writer, n int, most int64) (rows int, size int64, err error) {
	r := rand.New(rand.NewPCG(7, 7))
	buf := append(make([]byte, 0, 1<<20), wideHeader...)
	for rows = 0; rows < n && (most == 0 || size+int64(len(buf)) < most); rows++ {
		buf = wideRow(buf, r, rows)
		if len(buf) > 1<<20-512 {
			if _, err := w.Write(buf); err != nil {
				return rows, size, err
			}
			size += int64(len(buf))
			buf = buf[:0]
		}
	}
	_, err = w.Write(buf)
	return rows, size + int64(len(buf)), err
}

// wideFile is the file of n rows, made once a run.
func (b *bench) wideFile(n int) (string, error) {
	path := filepath.Join(b.dir, fmt.Sprintf("wide-%d.csv", n))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, toFile(path, func(w io.Writer) error {
		_, _, err := writeWide(w, n, 0)
		return err
	})
}

func toFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
