#ifndef PAWL_NET_GRPC_H
#define PAWL_NET_GRPC_H

// The parts of gRPC that are text and bytes: framing, timeouts, status messages.
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, called "the protocol" here.

#include "base/buf.h"
#include "base/err.h"

enum {
    PAWL_GRPC_HEAD = 5,          // bytes before a message: the compressed flag and the length
    PAWL_GRPC_MESSAGE_MAX = 2048 // of an encoded grpc-message: clients take 8 KiB of headers in all
};

// --- content type ----------------------------------------------------------------------------

enum pawl_grpc_type {
    PAWL_GRPC_NO,     // not gRPC
    PAWL_GRPC_YES,    // application/grpc, application/grpc+proto, either with ;parameters
    PAWL_GRPC_FOREIGN // application/grpc in an encoding that is not served: 415
};

enum pawl_grpc_type pawl__grpc_type(struct pawl_str content_type);

// --- messages --------------------------------------------------------------------------------

// Splits a stream of bytes into messages. Ready when zero-initialised.
struct pawl_grpc_decoder {
    uint8_t head[PAWL_GRPC_HEAD];
    uint8_t head_len;
    uint32_t left; // bytes of the message that are still to come
};

// Takes bytes off the front of |data|, up to the end of a message, and appends the message's part
// of them to |message|. |*complete| tells whether the message has ended; the caller then empties
// |message|, and calls again while |data| is not empty.
//
// PAWL_E_TOO_LARGE: the declared length is over |max|; nothing was allocated for it.
// PAWL_E_UNIMPLEMENTED: the message is compressed. PAWL_E_INTERNAL: the flag byte is neither 0 nor
// 1. PAWL_E_NOMEM.
enum pawl_err pawl__grpc_decode(struct pawl_grpc_decoder *decoder, struct pawl_str *data,
                                size_t max, struct pawl_buf *message, bool *complete);

// True between two messages, where a stream may end.
static inline bool pawl__grpc_decoder_idle(const struct pawl_grpc_decoder *decoder) {
    return decoder->head_len == 0;
}

// Writes the five bytes before an uncompressed message of |len| bytes.
void pawl__grpc_head(uint8_t out[PAWL_GRPC_HEAD], uint32_t len);

// --- timeouts --------------------------------------------------------------------------------

// Parses a grpc-timeout into nanoseconds; INT64_MAX when it is longer than that.
bool pawl__grpc_timeout_parse(struct pawl_str text, int64_t *out);

// Writes |timeout| nanoseconds as a terminated grpc-timeout, rounded up to at most 8 digits.
void pawl__grpc_timeout_format(int64_t timeout, char out[12]);

// --- status ----------------------------------------------------------------------------------

// Percent-encodes |text| for grpc-message. The result is terminated, at most |cap| - 1 bytes long,
// and cut between characters; its length is returned. Bytes that are not UTF-8 are replaced by '?'.
// pawl__str_unescape undoes it.
size_t pawl__grpc_message_encode(struct pawl_str text, char *out, size_t cap);

// Metadata of an answer: the number of an enum pawl_err that the status alone does not give. Other
// clients ignore it.
#define PAWL_GRPC_CODE "pawl-code"

// The gRPC status number of |code| in decimals; static.
struct pawl_str pawl__grpc_status(enum pawl_err code);

// The code of a gRPC status number; PAWL_E_UNKNOWN for one that is not in the table.
enum pawl_err pawl__grpc_code(int64_t status);

// The code that stands for an HTTP status which came without a grpc-status
// (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md).
enum pawl_err pawl__grpc_code_of_http(int64_t status);

// The code that stands for a stream's HTTP/2 error code.
enum pawl_err pawl__grpc_code_of_reset(uint32_t http2_error);

#endif
