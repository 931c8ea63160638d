#ifndef PAWL_ERROR_H
#define PAWL_ERROR_H

// The errors of Pawl, each in one row: name, text, gRPC status, HTTP status.
//
// gRPC statuses are the numbers of https://grpc.github.io/grpc/core/md_doc_statuscodes.html.
// A function that can say more than the code fills a struct pawl_error with a text of its own.
//
// The numbers of enum pawl_err are compiled into programs, and daemons send them to each other: a
// new row is added at the end.

// clang-format off
#define PAWL_ERROR_MAP(X)                                                                    \
    X(OK,                  "success",                                              0, 200)   \
    X(CANCELED,            "the call was canceled",                                1, 499)   \
    X(UNKNOWN,             "the call failed",                                      2, 500)   \
    X(INVALID,             "an argument is not valid",                             3, 400)   \
    X(DEADLINE,            "the deadline passed",                                  4, 504)   \
    X(NOT_FOUND,           "not found",                                            5, 404)   \
    X(EXISTS,              "it already exists",                                    6, 409)   \
    X(DENIED,              "permission denied",                                    7, 403)   \
    X(TOO_LARGE,           "too large",                                            8, 413)   \
    X(PRECONDITION,        "not in a state that allows this",                      9, 400)   \
    X(CONFLICT,            "somebody else changed it first",                      10, 409)   \
    X(UNIMPLEMENTED,       "not served",                                          12, 501)   \
    X(INTERNAL,            "internal error",                                      13, 500)   \
    X(UNAVAILABLE,         "not available now, try again",                        14, 503)   \
    X(UNAUTHENTICATED,     "authentication is missing or wrong",                  16, 401)   \
    X(NOMEM,               "out of memory",                                        8, 500)   \
    X(IO,                  "input or output failed",                              14, 500)   \
    X(FULL,                "the disk is full",                                    14, 507)   \
    X(CORRUPT,             "stored data is damaged",                              15, 500)   \
    X(FORMAT,              "stored data is of a newer format",                     9, 500)   \
    X(FENCED,              "another owner has taken the shard",                   14, 503)   \
    X(HELD,                "another owner holds the shard",                       14, 503)   \
    X(NEEDED,              "an instance has to be loaded first",                  14, 503)   \
    X(FAILED,              "the activity or workflow failed",                      2, 500)   \
    X(MISMATCH,            "the code does not do what its history says",           9, 500)
// clang-format on

enum pawl_err {
#define X(name, text, grpc, http) PAWL_E_##name,
    PAWL_ERROR_MAP(X)
#undef X
};

#define PAWL_OK PAWL_E_OK

// An error with its story. `text` is always terminated and may be cut at its end.
struct pawl_error {
    enum pawl_err code;
    char text[512];
};

#endif
