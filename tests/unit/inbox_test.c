/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/inbox.h"

#define SENDER_CNT  4
#define MESSAGE_CNT 20000

struct message {
	struct inbox_node node; /* first */
	unsigned sender;
	unsigned number;
};

struct sender {
	struct inbox *box;
	struct message *message;
};

static void *send_all(void *arg)
{
	const struct sender *s = arg;
	unsigned i;

	for (i = 0; i < MESSAGE_CNT; i++)
		inbox_push(s->box, &s->message[i].node);
	return NULL;
}

/* Several senders at once: nothing is lost, and each one's order is kept. */
static void test_order_per_sender(void **state)
{
	struct inbox box;
	struct sender sender[SENDER_CNT];
	pthread_t thread[SENDER_CNT];
	unsigned next[SENDER_CNT] = {0};
	unsigned taken = 0;
	unsigned i;
	unsigned j;

	(void)state;
	inbox_init(&box);
	assert_null(inbox_take(&box));
	for (i = 0; i < SENDER_CNT; i++) {
		sender[i] = (struct sender){&box, calloc(MESSAGE_CNT, sizeof(struct message))};
		assert_non_null(sender[i].message);
		for (j = 0; j < MESSAGE_CNT; j++)
			sender[i].message[j] = (struct message){.sender = i, .number = j};
		assert_int_equal(pthread_create(&thread[i], NULL, send_all, &sender[i]), 0);
	}
	while (taken < SENDER_CNT * MESSAGE_CNT) {
		struct inbox_node *node = inbox_take(&box);

		for (; node != NULL; node = node->next) {
			struct message *m = (struct message *)node;

			assert_int_equal(m->number, next[m->sender]++);
			taken++;
		}
	}
	for (i = 0; i < SENDER_CNT; i++) {
		pthread_join(thread[i], NULL);
		free(sender[i].message);
	}
	assert_null(inbox_take(&box));
}

static void test_wake_only_when_empty(void **state)
{
	struct inbox box;
	struct inbox_node a;
	struct inbox_node b;

	(void)state;
	inbox_init(&box);
	assert_true(inbox_push(&box, &a));
	assert_false(inbox_push(&box, &b));
	assert_ptr_equal(inbox_take(&box), &a);
	assert_ptr_equal(a.next, &b);
	assert_null(b.next);
	assert_true(inbox_push(&box, &a));
}

static void test_list(void **state)
{
	struct inbox_node n[4] = {{&n[1]}, {NULL}, {NULL}, {NULL}};
	struct inbox_list list;
	int i;

	(void)state;
	inbox_list_init(&list);
	assert_null(inbox_list_pop(&list));
	inbox_list_append(&list, &n[0]); /* a chain of two */
	inbox_list_append(&list, NULL);
	inbox_list_append(&list, &n[2]);
	assert_ptr_equal(inbox_list_pop(&list), &n[0]);
	inbox_list_append(&list, &n[3]);
	for (i = 1; i < 4; i++)
		assert_ptr_equal(inbox_list_pop(&list), &n[i]);
	assert_null(inbox_list_pop(&list));
	inbox_list_append(&list, &n[1]);
	assert_ptr_equal(inbox_list_pop(&list), &n[1]);
}

static void test_join(void **state)
{
	struct inbox_node node[5] = {{0}};
	struct inbox_list list, other;
	unsigned i;

	(void)state;
	inbox_list_init(&list);
	inbox_list_init(&other);
	inbox_list_join(&list, &other); /* nothing to nothing */
	assert_null(inbox_list_pop(&list));
	inbox_list_append(&list, &node[0]);
	inbox_list_join(&list, &other);
	for (i = 1; i < 4; i++)
		inbox_list_append(&other, &node[i]);
	inbox_list_join(&list, &other);
	assert_null(other.first);
	inbox_list_append(&list, &node[4]);
	for (i = 0; i < 5; i++)
		assert_ptr_equal(inbox_list_pop(&list), &node[i]);
	assert_null(inbox_list_pop(&list));
	inbox_list_append(&other, &node[0]);
	assert_ptr_equal(inbox_list_pop(&other), &node[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_per_sender),
		cmocka_unit_test(test_wake_only_when_empty),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
