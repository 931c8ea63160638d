#ifndef PAWL_STORE_ROW_H
#define PAWL_STORE_ROW_H

// How bytes of ours look in a store's rows: a format byte, the CRC-32 of what follows (little
// endian), and the payload. A store that keeps rows outside the process seals what it writes and
// opens what it reads.
//
//     1  crc  payload
//     2  crc  length of the payload, four bytes, little endian  LZ4 block
//
// Histories and batches repeat themselves: names, ids, and payloads that one step hands to the
// next. LZ4 makes a half to a quarter of them, in less time than it takes to write what it saves.
// Rows that are short, or gain little, are of the first kind. Format 1 is also what an earlier Pawl
// wrote.

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

// What is longer is refused: rows of SQLite and PostgreSQL end at 1,000,000,000 bytes, and a
// snapshot's has two of them.
#define PAWL_ROW_MAX ((size_t)448 << 20)

// Appends the sealed |payload| to |out|. PAWL_E_TOO_LARGE, PAWL_E_NOMEM.
enum pawl_err pawl__row_seal(struct pawl_buf *out, struct pawl_str payload,
                             struct pawl_error *error);

// The same of a message for another shard, plain: a daemon of an earlier Pawl may have that shard.
enum pawl_err pawl__row_seal_letter(struct pawl_buf *out, struct pawl_str payload,
                                    struct pawl_error *error);

// Checks |row|, and points |payload| into it or, where it was compressed, to memory of |arena|.
// PAWL_E_CORRUPT; PAWL_E_FORMAT when a newer Pawl wrote it; PAWL_E_NOMEM. There is no text with the
// code: only the caller knows which row it is.
enum pawl_err pawl__row_open(struct pawl_str row, struct pawl_arena *arena,
                             struct pawl_str *payload);

#endif
