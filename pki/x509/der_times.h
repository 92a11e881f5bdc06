/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of pki_der_utc_times for one instruction set: FUNCTION is its name there, TARGET its
 * attribute. What is out of range sets the high bit of wrong; the arithmetic is that of
 * pki_der_utc_time, without its tables. For der_times.c alone.
 */
TARGET static bool FUNCTION(const struct pki_der_utc_texts *texts, size_t cnt, int64_t *out)
{
	const uint64_t zeros = UINT64_C(0x3030303030303030);
	const uint64_t digit = UINT64_C(0x7676767676767676), high = UINT64_C(0x8080808080808080);
	uint64_t wrong = 0, no_digit = 0;

	for (size_t i = 0; i < cnt; i++) {
		uint64_t d = texts->date[i] ^ zeros;
		uint64_t t = texts->time[i] ^ (zeros & UINT32_MAX);
		uint64_t year, month, day, hour, minute, second, leap, february, len, before;

		/* what is above 9 carries into the high bit of its byte, or has it */
		no_digit |= (d + digit) | d | (t + digit) | t;
		d = (d << 3) + (d << 1) + (d >> 8); /* pairs of digits, in each second byte */
		t = (t << 3) + (t << 1) + (t >> 8);
		year = d & 0xff;
		year = year + 52 - 100 * ((49 - year) >> 63); /* since 1948, a leap year */
		month = d >> 16 & 0xff;
		day = d >> 32 & 0xff;
		hour = d >> 48 & 0xff;
		minute = t & 0xff;
		second = t >> 16 & 0xff;
		leap = ((year & 3) - 1) >> 63;
		february = ((month ^ 2) - 1) >> 63;
		len = 30 + ((month ^ month >> 3) & 1) - february * (2 - leap);
		/* of the year's days; February is taken to have 30 */
		before = ((367 * month - 362) * 43691 >> 19) - ((2 - month) >> 63) * (2 - leap);
		wrong |= (month - 1) | (12 - month) | (day - 1) | (len - day) | (23 - hour) |
			 (59 - minute) | (59 - second);
		out[i] = (int64_t)((year * 365 + (year + 3) / 4 + before + day - 8037) * 86400 +
				   hour * 3600 + minute * 60 + second);
	}
	return (no_digit & high) == 0 && wrong >> 63 == 0;
}

#undef FUNCTION
#undef TARGET
