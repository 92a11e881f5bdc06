/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/key_file.h"

#include "pki/view/file.h"
#include "pki/view/secret.h"

int key_file_load(int dir, const char *name, EVP_PKEY **out)
{
	uint8_t *text = NULL;
	size_t len = 0, size = 0;
	int ret;

	ret = rk_file_read_secret(dir, name, PKI_KEY_PEM_MAX, &text, &len, &size);
	if (ret < 0)
		return ret;
	ret = pki_key_from_pem((const char *)text, len, out);
	rk_secret_free(text, size);
	return ret;
}

int key_file_make(int dir, const char *name, const struct pki_key_spec *spec, EVP_PKEY **out)
{
	struct pki_secret_text pem = {0};
	EVP_PKEY *key = NULL;
	int ret;

	ret = pki_key_generate(spec, &key);
	if (ret < 0)
		return ret;
	ret = pki_key_to_pem(key, &pem);
	if (ret == 0)
		ret = rk_file_create(dir, name, 0600, pem.data, pem.len);
	pki_secret_text_free(&pem);
	if (ret < 0) {
		EVP_PKEY_free(key);
		return ret;
	}
	*out = key;
	return 0;
}
