#ifndef PAWL_STORE_POSTGRES_PQ_H
#define PAWL_STORE_POSTGRES_PQ_H

// libpq, which is loaded with the first store on PostgreSQL: with all that it needs it would double
// the time of a start and the memory of a daemon that does not use it. Its functions are called by
// their own names.

#include <libpq-fe.h>

#include "base/library.h"

#define PAWL_PQ(X)                                                                                 \
    X(PQclear)                                                                                     \
    X(PQcmdStatus)                                                                                 \
    X(PQcmdTuples)                                                                                 \
    X(PQconndefaults)                                                                              \
    X(PQconnectPoll)                                                                               \
    X(PQconnectStartParams)                                                                        \
    X(PQconnectionNeedsPassword)                                                                   \
    X(PQconninfoFree)                                                                              \
    X(PQconninfoParse)                                                                             \
    X(PQconsumeInput)                                                                              \
    X(PQenterPipelineMode)                                                                         \
    X(PQerrorMessage)                                                                              \
    X(PQexec)                                                                                      \
    X(PQexitPipelineMode)                                                                          \
    X(PQfinish)                                                                                    \
    X(PQflush)                                                                                     \
    X(PQfreemem)                                                                                   \
    X(PQgetResult)                                                                                 \
    X(PQgetisnull)                                                                                 \
    X(PQgetlength)                                                                                 \
    X(PQgetvalue)                                                                                  \
    X(PQisBusy)                                                                                    \
    X(PQntuples)                                                                                   \
    X(PQpipelineSync)                                                                              \
    X(PQresultErrorField)                                                                          \
    X(PQresultStatus)                                                                              \
    X(PQsendPrepare)                                                                               \
    X(PQsendQueryParams)                                                                           \
    X(PQsendQueryPrepared)                                                                         \
    X(PQsetErrorVerbosity)                                                                         \
    X(PQsetNoticeReceiver)                                                                         \
    X(PQsetnonblocking)                                                                            \
    X(PQsocket)                                                                                    \
    X(PQstatus)

struct pawl_pq {
#define MEMBER(name) __typeof__(name) *name;
    PAWL_PQ(MEMBER)
#undef MEMBER
};
extern struct pawl_pq pawl__pq;

// Loads it, once; on any thread. PAWL_E_UNAVAILABLE: it is not installed.
enum pawl_err pawl__pq_load(struct pawl_error *error);

#define PQclear(...)                   pawl__pq.PQclear(__VA_ARGS__)
#define PQcmdStatus(...)               pawl__pq.PQcmdStatus(__VA_ARGS__)
#define PQcmdTuples(...)               pawl__pq.PQcmdTuples(__VA_ARGS__)
#define PQconndefaults(...)            pawl__pq.PQconndefaults(__VA_ARGS__)
#define PQconnectPoll(...)             pawl__pq.PQconnectPoll(__VA_ARGS__)
#define PQconnectStartParams(...)      pawl__pq.PQconnectStartParams(__VA_ARGS__)
#define PQconnectionNeedsPassword(...) pawl__pq.PQconnectionNeedsPassword(__VA_ARGS__)
#define PQconninfoFree(...)            pawl__pq.PQconninfoFree(__VA_ARGS__)
#define PQconninfoParse(...)           pawl__pq.PQconninfoParse(__VA_ARGS__)
#define PQconsumeInput(...)            pawl__pq.PQconsumeInput(__VA_ARGS__)
#define PQenterPipelineMode(...)       pawl__pq.PQenterPipelineMode(__VA_ARGS__)
#define PQerrorMessage(...)            pawl__pq.PQerrorMessage(__VA_ARGS__)
#define PQexec(...)                    pawl__pq.PQexec(__VA_ARGS__)
#define PQexitPipelineMode(...)        pawl__pq.PQexitPipelineMode(__VA_ARGS__)
#define PQfinish(...)                  pawl__pq.PQfinish(__VA_ARGS__)
#define PQflush(...)                   pawl__pq.PQflush(__VA_ARGS__)
#define PQfreemem(...)                 pawl__pq.PQfreemem(__VA_ARGS__)
#define PQgetResult(...)               pawl__pq.PQgetResult(__VA_ARGS__)
#define PQgetisnull(...)               pawl__pq.PQgetisnull(__VA_ARGS__)
#define PQgetlength(...)               pawl__pq.PQgetlength(__VA_ARGS__)
#define PQgetvalue(...)                pawl__pq.PQgetvalue(__VA_ARGS__)
#define PQisBusy(...)                  pawl__pq.PQisBusy(__VA_ARGS__)
#define PQntuples(...)                 pawl__pq.PQntuples(__VA_ARGS__)
#define PQpipelineSync(...)            pawl__pq.PQpipelineSync(__VA_ARGS__)
#define PQresultErrorField(...)        pawl__pq.PQresultErrorField(__VA_ARGS__)
#define PQresultStatus(...)            pawl__pq.PQresultStatus(__VA_ARGS__)
#define PQsendPrepare(...)             pawl__pq.PQsendPrepare(__VA_ARGS__)
#define PQsendQueryParams(...)         pawl__pq.PQsendQueryParams(__VA_ARGS__)
#define PQsendQueryPrepared(...)       pawl__pq.PQsendQueryPrepared(__VA_ARGS__)
#define PQsetErrorVerbosity(...)       pawl__pq.PQsetErrorVerbosity(__VA_ARGS__)
#define PQsetNoticeReceiver(...)       pawl__pq.PQsetNoticeReceiver(__VA_ARGS__)
#define PQsetnonblocking(...)          pawl__pq.PQsetnonblocking(__VA_ARGS__)
#define PQsocket(...)                  pawl__pq.PQsocket(__VA_ARGS__)
#define PQstatus(...)                  pawl__pq.PQstatus(__VA_ARGS__)

#endif
