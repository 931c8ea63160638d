// What the fragments of code in the documents take for granted; tests/docs.py puts it before each.

#include <pawl.h>
#include <pawl/jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct pawl_text input;
static struct pawl_task *event, *flight;
static const char *history, *token;

bool card_is_expired(const char *card);
void copy_file(int number);
void read_input(void);
void release(void *arg);
void send_mail(const char *address, const char *text);
