#include "api/details.h"

#include "wire/json_build.h"
#include "wire/pb.h"

#define DETAILS_TYPES  "type.googleapis.com/google.rpc."
#define DETAILS_DOMAIN "dapr.io"

// --- gRPC ---------------------------------------------------------------------------------------

// Adds |detail|, which is emptied, to a google.rpc.Status as field 3, an Any { type_url = 1,
// value = 2 }.
static void details_add(struct pawl_buf *status, const char *type, struct pawl_buf *detail) {
    struct pawl_buf any = {0};
    pawl__pb_put_bytes(&any, 1, pawl__str(type));
    pawl__pb_put_bytes(&any, 2, pawl__buf_str(detail));
    pawl__pb_put_bytes(status, 3, pawl__buf_str(&any));
    status->failed |= any.failed || detail->failed;
    pawl__buf_finish(&any);
    pawl__buf_finish(detail);
}

// The order is Dapr's.
static void details_put(struct pawl_buf *status, const struct pawl_api_flaw *flaw) {
    struct pawl_buf one = {0}, part = {0};
    pawl__pb_put_uint(status, 1, (uint64_t)pawl__err_grpc(flaw->code));
    pawl__pb_put_bytes(status, 2, pawl__str(flaw->text));
    if (flaw->field.data) { // BadRequest { 1: FieldViolation { field = 1, description = 2 } }
        pawl__pb_put_bytes(&part, 1, flaw->field);
        pawl__pb_put_bytes(&part, 2, pawl__str(flaw->text));
        pawl__pb_put_bytes(&one, 1, pawl__buf_str(&part));
        details_add(status, DETAILS_TYPES "BadRequest", &one);
    }
    if (flaw->resource.data) { // ResourceInfo { resource_type = 1, resource_name = 2 }
        pawl__pb_put_bytes(&one, 1, PAWL_STR("state"));
        pawl__pb_put_bytes(&one, 2, flaw->resource);
        details_add(status, DETAILS_TYPES "ResourceInfo", &one);
    }
    // ErrorInfo { reason = 1, domain = 2, metadata = 3: a map }
    pawl__pb_put_bytes(&one, 1, pawl__str(flaw->reason));
    pawl__pb_put_bytes(&one, 2, PAWL_STR(DETAILS_DOMAIN));
    if (flaw->app_id) {
        pawl__buf_clear(&part);
        pawl__pb_put_bytes(&part, 1, PAWL_STR("appID"));
        pawl__pb_put_bytes(&part, 2, pawl__str(flaw->app_id));
        pawl__pb_put_bytes(&one, 3, pawl__buf_str(&part));
    }
    details_add(status, DETAILS_TYPES "ErrorInfo", &one);
    status->failed |= part.failed;
    pawl__buf_finish(&part);
}

// --- HTTP ---------------------------------------------------------------------------------------

static json_t *details_text(struct pawl_str text) {
    return pawl__wire_is_text(text) ? json_stringn(text.data, text.len) : json_string("");
}

// json_pack frees all that it was given when one of them is missing.
static json_t *details_json(const struct pawl_api_flaw *flaw) {
    json_t *all = json_array();
    if (flaw->field.data)
        pawl__json_add(&all, json_pack("{s:s, s:[{s:o, s:o}]}", "@type", DETAILS_TYPES "BadRequest",
                                       "field_violations", "field", details_text(flaw->field),
                                       "description", pawl__api_message(flaw->text)));
    if (flaw->resource.data)
        pawl__json_add(&all,
                       json_pack("{s:s, s:s, s:o, s:s, s:s}", "@type", DETAILS_TYPES "ResourceInfo",
                                 "resource_type", "state", "resource_name",
                                 details_text(flaw->resource), "owner", "", "description", ""));
    json_t *metadata = flaw->app_id ? json_pack("{s:s}", "appID", flaw->app_id) : json_null();
    pawl__json_add(&all,
                   json_pack("{s:s, s:s, s:s, s:o}", "@type", DETAILS_TYPES "ErrorInfo", "domain",
                             DETAILS_DOMAIN, "reason", flaw->reason, "metadata", metadata));
    return all;
}

void pawl__api_fail_with(struct pawl_request *request, const struct pawl_api_flaw *flaw) {
    request->error_code = request->is_grpc ? flaw->reason : flaw->name;
    if (!request->is_grpc) {
        pawl__api_json(request, flaw->status,
                       json_pack("{s:s, s:o, s:o}", "errorCode", flaw->name, "message",
                                 pawl__api_message(flaw->text), "details", details_json(flaw)));
        return;
    }
    struct pawl_buf status = {0};
    details_put(&status, flaw);
    pawl__grpc_finish(request, flaw->code, flaw->text,
                      status.failed ? PAWL_STR("") : pawl__buf_str(&status));
    pawl__buf_finish(&status);
}
