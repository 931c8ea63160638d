#include "kit.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "config/configuration.h"

static struct pawl_configuration configuration;
static struct pawl_tracing *const tracing = &configuration.tracing;

static enum pawl_err load(struct kit *kit, const char *text) {
    static const char *const files[] = {"c.yaml"};
    struct pawl_buf all = {0};
    pawl__buf_format(&all, "kind: Configuration\nspec:\n  tracing:\n%s", text);
    pawl__buf_append(&all, "", 1);
    kit_write("c.yaml", (char *)all.data);
    pawl__buf_finish(&all);
    return pawl__configuration_load(&kit->context, files, 1, &configuration, &kit->error);
}

static void test_all(void **state) {
    struct kit *kit = *state;
    assert_int_equal(load(kit, "    samplingRate: \"0.5\"\n    stdout: true\n"
                               "    zipkin: {endpointAddress: http://z:9411/api/v2/spans}\n"
                               "    otel:\n      protocol: http\n      endpointAddress: c:4318\n"
                               "      isSecure: false\n      timeout: 2s\n"
                               "      headers: [a=b, {name: c, value: d=e}]\n"),
                     PAWL_OK);
    assert_string_equal(kit_log(kit), "");
    assert_true(tracing->sampling_rate == 0.5);
    assert_true(tracing->to_log);
    assert_string_equal(tracing->zipkin, "http://z:9411/api/v2/spans");
    assert_string_equal(tracing->otel.protocol, "http");
    assert_string_equal(tracing->otel.endpoint, "c:4318");
    assert_false(tracing->otel.secure);
    assert_int_equal(tracing->otel.timeout, 2 * PAWL_SECOND);
    assert_int_equal(tracing->otel.header_count, 2);
    assert_string_equal(tracing->otel.headers[0], "a=b");
    assert_string_equal(tracing->otel.headers[1], "c=d=e");
}

static void test_nothing(void **state) {
    struct kit *kit = *state;
    assert_int_equal(load(kit, "    zipkin: {endpointAddress: \"\"}\n"), PAWL_OK);
    assert_true(tracing->sampling_rate == 1e-4);
    assert_false(tracing->to_log);
    assert_null(tracing->zipkin);
    assert_null(tracing->otel.endpoint);
    assert_true(tracing->otel.secure);
    assert_string_equal(tracing->otel.protocol, "grpc");
}

static void test_rates(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *text;
        double rate;
        bool told;
    } rows[] = {{"\"0\"", 0, false},   {"1", 1, false},        {"\"\"", 1e-4, true},
                {"often", 1e-4, true}, {"\"2\"", 1e-4, true},  {"nan", 1e-4, true},
                {"[1]", 1e-4, true},   {"0.001", 0.001, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64];
        size_t before = strlen(kit_log(kit));
        snprintf(text, sizeof text, "    samplingRate: %s\n", rows[i].text);
        assert_int_equal(load(kit, text), PAWL_OK);
        assert_true(tracing->sampling_rate == rows[i].rate);
        assert_int_equal(strlen(kit_log(kit)) > before, rows[i].told);
    }
}

static void test_errors(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"    otel: {protocol: carrier-pigeon}\n", "c.yaml:4: protocol has to be grpc or http"},
        {"    otel: {timeout: soon}\n", "c.yaml:4: timeout has to be a duration such as 10s"},
        {"    otel: {headers: x}\n", "c.yaml:4: headers has to be a list of name=value"},
        {"    otel: {headers: [x]}\n", "c.yaml:4: a header has to be name=value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(load(kit, rows[i].text), PAWL_E_INVALID);
        assert_error(kit, rows[i].error);
    }
    assert_int_equal(load(kit, "    zipkn: {}\n"), PAWL_E_INVALID);
    assert_int_equal(load(kit, "    otel: {endpointAdress: x}\n"), PAWL_E_INVALID);
    assert_int_equal(load(kit, "    zipkin: {endpointAdress: x}\n"), PAWL_E_INVALID);
}

static void test_environment(void **state) {
    struct kit *kit = *state;
    static const char *const names[] = {
        "OTEL_SERVICE_NAME",           "OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TIMEOUT",  "OTEL_EXPORTER_OTLP_INSECURE",
    };
    setenv("OTEL_RESOURCE_ATTRIBUTES", "a=1, service.name=shop ,b=x%2Cy", 1);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/", 1);
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "k=a%20b,l=c%", 1);
    setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1500", 1);
    setenv("OTEL_EXPORTER_OTLP_INSECURE", "true", 1);
    assert_int_equal(load(kit, "    otel: {endpointAddress: other:4317}\n"), PAWL_OK);
    assert_string_equal(tracing->otel.endpoint, "http://c:4318/v1/traces");
    assert_string_equal(tracing->otel.protocol, "http");
    assert_string_equal(tracing->otel.headers[0], "k=a b");
    assert_string_equal(tracing->otel.headers[1], "l=c%");
    assert_int_equal(tracing->otel.timeout, 1500 * PAWL_MILLISECOND);
    assert_false(tracing->otel.secure);
    assert_string_equal(tracing->service, "shop");
    assert_int_equal(tracing->resource_count, 2);
    assert_string_equal(tracing->resource[0].key, "a");
    assert_string_equal(tracing->resource[1].value.data, "x,y");
    setenv("OTEL_SERVICE_NAME", "store", 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:1/here", 1);
    assert_int_equal(load(kit, "    stdout: false\n"), PAWL_OK);
    assert_string_equal(tracing->service, "store");
    assert_string_equal(tracing->otel.endpoint, "http://t:1/here");
    setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "never", 1);
    assert_int_equal(load(kit, "    stdout: false\n"), PAWL_E_INVALID);
    unsetenv("OTEL_EXPORTER_OTLP_TIMEOUT");
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "novalue", 1);
    assert_int_equal(load(kit, "    stdout: false\n"), PAWL_E_INVALID);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_nothing, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_rates, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_errors, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_environment, kit_begin, kit_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
