#ifndef PAWL_API_INTERNAL_H
#define PAWL_API_INTERNAL_H

// What the files of the api share.

#include <jansson.h>

#include "api/options.h"
#include "base/buf.h"
#include "dapr_runtime.pb-c.h"
#include "net/answer.h"
#include "net/router.h"
#include "wire/unpack.h"

struct pawl_relays;
struct pawl_watchers;
struct pawl_elsewhere;
struct pawl_keeper;

struct pawl_api {
    struct pawl_api_options options;
    struct pawl_link streams;         // of workers
    struct pawl_relays *relays;       // relays.h; NULL: none
    struct pawl_watchers *watchers;   // watchers.h; NULL: changes are not told
    struct pawl_elsewhere *elsewhere; // elsewhere.h; NULL: this daemon shares the app with nobody
    struct pawl_keeper *keeper;       // console_past.h; NULL: nothing is kept
    bool ready;
    char not_ready[256];
};

// Who looks on at a request (watch.h): request->watch, in its arena; NULL: nobody does.
struct pawl_api_watch {
    struct pawl_api *api;
    const char *name;          // of the method or route; NULL: none was found
    int64_t began;             // steady
    struct trace_watch *trace; // trace.h; NULL: it is not traced
};

typedef void (*pawl_api_method)(struct pawl_api *api, struct pawl_request *request);

struct pawl_api_method_row {
    const char *path; // of a gRPC method
    pawl_api_method handle;
};

// The tables of each file.
extern const struct pawl_api_method_row pawl__work_methods[];
extern const struct pawl_api_method_row pawl__workflow_methods[];
extern const struct pawl_api_method_row pawl__state_methods[];
extern const struct pawl_api_method_row pawl__metadata_methods[];
extern const struct pawl_api_method_row pawl__peer_methods[];
extern const struct pawl_api_method_row pawl__peer_watch_methods[];

struct pawl_method;

// Serves a method of the TaskHub service of wire/methods.h.
void pawl__api_taskhub(struct pawl_api *api, struct pawl_request *request,
                       const struct pawl_method *method);

extern const struct pawl_route pawl__workflow_routes[];
extern const size_t pawl__workflow_route_count;
extern const struct pawl_route pawl__state_routes[];
extern const size_t pawl__state_route_count;
extern const struct pawl_route pawl__metadata_routes[];
extern const size_t pawl__metadata_route_count;

// Answers that memory is out. The second does so when the request's arena has failed, and says
// whether it did.
void pawl__api_nomem(struct pawl_request *request);
bool pawl__api_starved(struct pawl_request *request);

// --- gRPC ---------------------------------------------------------------------------------------

// Decodes the request's message; NULL after answering what is wrong.
void *pawl__api_unpack(struct pawl_request *request, const ProtobufCMessageDescriptor *type);

// Answers with |message|, or RESOURCE_EXHAUSTED when memory is out.
void pawl__api_reply(struct pawl_request *request, const ProtobufCMessage *message);

void pawl__api_reply_empty(struct pawl_request *request);

// Ends a gRPC call with an error. The second one gives it the status of |told|, which is the
// reference's for it.
void pawl__api_fail(struct pawl_request *request, enum pawl_err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void pawl__api_fail_as(struct pawl_request *request, enum pawl_err told, enum pawl_err code,
                       const char *text);

// --- HTTP ---------------------------------------------------------------------------------------

// Answers with JSON, and frees |body|.
void pawl__api_json(struct pawl_request *request, int status, json_t *body);

// Answers with |json|, which is JSON already.
void pawl__api_json_text(struct pawl_request *request, int status, struct pawl_str json);

// Appends |json| (NULL: it could not be made) as text. False: memory is out.
bool pawl__api_dump(struct pawl_buf *out, const json_t *json);

void pawl__api_empty(struct pawl_request *request, int status);

// Answers {"errorCode": code, "message": ...}.
void pawl__api_http_fail(struct pawl_request *request, int status, const char *code,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

// |text| as JSON, or something else when it is not UTF-8, as what a client sent may stand in it.
// NULL when memory is out.
json_t *pawl__api_message(const char *text);

// --- both ---------------------------------------------------------------------------------------

// The value under |key| in a map field, or NULL. Map entries of all our messages look alike.
const char *pawl__api_map_get(void *const *entries, size_t count, const char *key);

// A map field, whose entries are of |type|. False when memory is out.
struct pawl_api_map {
    void **entries;
    size_t count;
};
bool pawl__api_map_add(struct pawl_request *request, struct pawl_api_map *map, size_t cap,
                       const ProtobufCMessageDescriptor *type, const char *key, const char *value);

// A StringValue or Timestamp in the request's arena; NULL for NULL or 0, and when memory is out.
Google__Protobuf__StringValue *pawl__api_text(struct pawl_request *request, const char *text);
Google__Protobuf__Timestamp *pawl__api_time(struct pawl_request *request, int64_t at);

#define PAWL_NO_RUNTIME                                                                            \
    "the state store is not configured to use the actor runtime. Have you set the - name: "        \
    "actorStateStore value: \"true\" in your state store component file?"

#endif
