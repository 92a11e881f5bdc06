/* SPDX-License-Identifier: BSD-3-Clause */
/* The vectors of RFC 7748 (5.2, 6.1, 6.2) and RFC 5903 (8.1 to 8.3) through our own kex. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/kex_backends.h"

static const struct kex_backend *backend;
static struct kex_ctx *ctx;

static size_t from_hex(const char *text, uint8_t *out)
{
	size_t len = 0;
	unsigned v;

	while (sscanf(text + 2 * len, "%2x", &v) == 1)
		out[len++] = (uint8_t)v;
	return len;
}

/* Both key pairs, and Z from either side. */
static const struct {
	uint16_t group;
	const char *secret[2], *share[2], *shared;
} pairs[] = {
	{KEX_SECP256R1,
		{"c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
			"c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53"},
		{"04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
		 "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
			"04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
			"56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab"},
		"d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"},
	{KEX_SECP384R1,
		{"099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655"
		 "e35b538041e649ee3faef896783ab194",
			"41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942"
			"e0308312916b8ed2960e4bd55a7448fc"},
		{"04667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6"
		 "de3ac808acb4bdb4c88732aee95f41aa9482ed1fc0eeb9cafc4984625ccfc23f"
		 "65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
			"04e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d"
			"0d1ac43a0336def96fda41d0774a3571dcfbec7aacf3196472169e838430367f"
			"66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c"},
		"11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4"
		"d603135569b9e9d09cf5d4a270f59746"},
	{KEX_SECP521R1,
		{"0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a0"
		 "95aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
			"0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e"
			"9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9"},
		{"040015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbe"
		 "e1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176ced3e"
		 "017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10a"
		 "d8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582",
			"0400d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a21"
			"9b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f"
			"015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87"
			"220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a"},
		"01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04"
		"d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea"},
	{KEX_X25519,
		{"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
			"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"},
		{"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
			"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"},
		"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
	{KEX_X448,
		{"9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28d"
		 "d9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
			"1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d"
			"6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d"},
		{"9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c"
		 "22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
			"3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b430"
			"27d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609"},
		"07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282b"
		"b60c0b56fd2464c335543936521c24403085d59a449a5037514a879d"},
};

static void derive(const struct kex_group *g, struct kex_op *op, const char *shared)
{
	uint8_t want[KEX_SECRET_MAX];

	assert_int_equal(from_hex(shared, want), g->shared_len);
	kex_backends_derive(ctx, g, op);
	assert_true(op->is_done);
	assert_memory_equal(op->shared, want, g->shared_len);
}

static void key_pairs_agree_as_printed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const struct kex_group *g = kex_find(pairs[i].group);

		for (unsigned side = 0; side < 2; side++) {
			struct kex_op op = {0};

			assert_int_equal(from_hex(pairs[i].secret[side], op.secret), g->secret_len);
			assert_int_equal(from_hex(pairs[i].share[side], op.share), g->share_len);
			assert_int_equal(from_hex(pairs[i].share[!side], op.peer), g->share_len);
			derive(g, &op, pairs[i].shared);
		}
	}
}

/* 5.2: scalar and u-coordinate; what is no legal share of anybody's is computed all the same. */
static const struct {
	uint16_t group;
	const char *secret, *peer, *shared;
} functions[] = {
	{KEX_X25519, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
		"e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		"c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
	{KEX_X25519, "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
		"e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		"95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	{KEX_X448,
		"3d262fddf9ec8e88495266fea19a34d28882acef045104d0d1aae121"
		"700a779c984c24f8cdd78fbff44943eba368f54b29259a4f1c600ad3",
		"06fce640fa3487bfda5f6cf2d5263f8aad88334cbd07437f020f08f9"
		"814dc031ddbdc38c19c6da2583fa5429db94ada18aa7a7fb4ef8a086",
		"ce3e4ff95a60dc6697da1db1d85e6afbdf79b50a2412d7546d5f239f"
		"e14fbaadeb445fc66a01b0779d98223961111e21766282f73dd96b6f"},
	{KEX_X448,
		"203d494428b8399352665ddca42f9de8fef600908e0d461cb021f8c5"
		"38345dd77c3e4806e25f46d3315c44e0a5b4371282dd2c8d5be3095f",
		"0fbcc2f993cd56d3305b0b7d9e55d4c1a8fb5dbb52f8e9a1e9b6201b"
		"165d015894e56c4d3570bee52fe205e28a78b91cdfbde71ce8d157db",
		"884a02576239ff7a2f2f63b2db6a9ff37047ac13568e1e30fe63c4a7"
		"ad1b3ee3a5700df34321d62077e63633c575c1c954514e99da7c179d"},
};

static void functions_give_what_is_printed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		const struct kex_group *g = kex_find(functions[i].group);
		struct kex_op op = {0};

		assert_int_equal(from_hex(functions[i].secret, op.secret), g->secret_len);
		assert_int_equal(from_hex(functions[i].peer, op.peer), g->share_len);
		derive(g, &op, functions[i].shared);
	}
}

/* 5.2: the result is the next scalar, the scalar the next u-coordinate; a thousand times. */
static void a_thousand_rounds_end_as_printed(void **state)
{
	static const struct {
		uint16_t group;
		uint8_t base;
		const char *end;
	} rounds[] = {
		{KEX_X25519, 9, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"},
		{KEX_X448, 5,
			"aa3b4749d55b9daf1e5b00288826c467274ce3ebbdd5c17b975e09d4"
			"af6c67cf10d087202db88286e2b79fceea3ec353ef54faa26e219f38"},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct kex_group *g = kex_find(rounds[i].group);
		struct kex_op op = {.secret = {rounds[i].base}, .peer = {rounds[i].base}};
		uint8_t want[KEX_SECRET_MAX];

		if (backend != &kex_libcrypto && kex_batch_cnt(ctx, g) == 1)
			continue; /* by libcrypto again */
		for (unsigned n = 0; n < 1000; n++) {
			kex_backends_derive(ctx, g, &op);
			assert_true(op.is_done);
			memcpy(op.peer, op.secret, g->share_len);
			memcpy(op.secret, op.shared, g->secret_len);
		}
		assert_int_equal(from_hex(rounds[i].end, want), g->shared_len);
		assert_memory_equal(op.secret, want, g->shared_len);
	}
}

static int set_up(void **state)
{
	(void)state;
	ctx = kex_backends_open(backend);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kex_ctx_free(ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_pairs_agree_as_printed),
		cmocka_unit_test(functions_give_what_is_printed),
		cmocka_unit_test(a_thousand_rounds_end_as_printed),
	};

	const struct kex_backend *all[KEX_BACKENDS_MAX];
	size_t cnt = kex_backends(all);
	int failed_cnt = 0;

	for (size_t i = 0; i < cnt; i++) {
		backend = all[i];
		failed_cnt += cmocka_run_group_tests_name(
			kex_backend_name(backend), tests, set_up, tear_down);
	}
	return failed_cnt;
}
