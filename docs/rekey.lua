-- SPDX-License-Identifier: BSD-3-Clause
--[[
Wireshark and tshark: the rekey protocol, as docs/protocol.md has it.

    tshark -X lua_script:docs/rekey.lua -r FILE -Y rekey
    wireshark -X lua_script:docs/rekey.lua FILE

Recognised by the cookie of the SVR metadata block and our own TLV types, on any UDP port; fields
are named rekey.*, one for each TLV: `-Y 'rekey.type == 4'`, `-T fields -e rekey.share.group`.
What is sealed stays sealed: its length and counter are shown.
]]

local COOKIE = "4C48DBC6DDF6670C"
local ENVELOPE_LEN, TLV_LEN = 12, 4
local EXCHANGE, SESSION = 0xfb01, 0xfb02

local rekey = Proto("rekey", "Rekey")

local types = {
	[1] = "HELLO", [2] = "REPLY", [3] = "COOKIE", [4] = "FINISH", [5] = "NEED_CERT",
	[6] = "CERT_FRAGMENT", [7] = "PENDING", [8] = "COLLISION", [32] = "ACK",
	[33] = "KEEP_ALIVE", [34] = "REKEY_HELLO", [35] = "REKEY_REPLY",
	[36] = "PATH_CHALLENGE", [37] = "PATH_RESPONSE",
}
local groups = {
	[0] = "none", [23] = "secp256r1", [24] = "secp384r1", [25] = "secp521r1", [29] = "x25519",
	[30] = "x448",
}
local suites = {
	[1] = "aes-256-gcm-sha256", [2] = "aes-256-gcm-sha384", [3] = "chacha20-poly1305-sha256",
	[4] = "chacha20-poly1305-sha384",
}
local schemes = {
	[0x0403] = "ecdsa_secp256r1_sha256", [0x0503] = "ecdsa_secp384r1_sha384",
	[0x0603] = "ecdsa_secp521r1_sha512", [0x0804] = "rsa_pss_rsae_sha256",
	[0x0805] = "rsa_pss_rsae_sha384", [0x0806] = "rsa_pss_rsae_sha512",
	[0x0807] = "ed25519", [0x0809] = "rsa_pss_pss_sha256", [0x080a] = "rsa_pss_pss_sha384",
	[0x080b] = "rsa_pss_pss_sha512",
}

local f = {
	cookie = ProtoField.bytes("rekey.cookie", "Metadata cookie"),
	metadata_version = ProtoField.uint16("rekey.metadata_version", "Metadata version", base.DEC,
		nil, 0xf000),
	header_len = ProtoField.uint16("rekey.header_len", "Header length", base.DEC, nil, 0x0fff),
	payload_len = ProtoField.uint16("rekey.payload_len", "Payload length"),
	version = ProtoField.uint8("rekey.version", "Version"),
	type = ProtoField.uint8("rekey.type", "Type", base.DEC, types),
	receiver = ProtoField.uint64("rekey.receiver", "Receiver's exchange", base.HEX),
	sender = ProtoField.uint64("rekey.sender", "Sender's exchange", base.HEX),
	index = ProtoField.uint32("rekey.index", "Receiver's session index", base.HEX),
	random = ProtoField.bytes("rekey.random", "Random"),
	group = ProtoField.uint16("rekey.group", "Group", base.DEC, groups),
	suite = ProtoField.uint16("rekey.suite", "Suite", base.DEC, suites),
	scheme = ProtoField.uint16("rekey.scheme", "Signature scheme", base.HEX, schemes),
	share_group = ProtoField.uint16("rekey.share.group", "Share of group", base.DEC, groups),
	share_curve_type = ProtoField.uint8("rekey.share.curve_type", "Curve type"),
	share_point = ProtoField.bytes("rekey.share.point", "Point"),
	address_cookie = ProtoField.bytes("rekey.address_cookie", "Address cookie"),
	retry_group = ProtoField.uint16("rekey.retry_group", "Asks for group", base.DEC, groups),
	padding = ProtoField.uint16("rekey.padding", "Padding"),
	mac1 = ProtoField.bytes("rekey.mac1", "MAC1"),
	counter = ProtoField.uint64("rekey.counter", "Counter"),
	sealed = ProtoField.bytes("rekey.sealed", "Sealed"),
}
rekey.fields = f

local malformed = ProtoExpert.new("rekey.malformed", "Not as docs/protocol.md has it",
	expert.group.MALFORMED, expert.severity.ERROR)
rekey.experts = { malformed }

local function list(field, name)
	return function(tree, value)
		local sub = tree:add(rekey, value, name)
		for at = 0, value:len() - 2, 2 do
			sub:add(field, value(at, 2))
		end
		return value:len() >= 2 and value:len() % 2 == 0
	end
end

local function whole(field, len)
	return function(tree, value)
		if value:len() ~= len then
			return false
		end
		tree:add(field, value)
		return true
	end
end

local function share(tree, value)
	if value:len() < 5 or value(3, 1):uint() ~= value:len() - 4 then
		return false
	end
	local sub = tree:add(rekey, value, "Share")
	sub:add(f.share_curve_type, value(0, 1))
	sub:add(f.share_group, value(1, 2))
	sub:add(f.share_point, value(4))
	return value(0, 1):uint() == 3
end

local function address_cookie(tree, value)
	if value:len() ~= 50 then
		return false
	end
	tree:add(f.retry_group, value(0, 2))
	tree:add(f.address_cookie, value)
	return true
end

local function sealed(tree, value)
	if value:len() < 24 then
		return false
	end
	local sub = tree:add(rekey, value, "Sealed, " .. value:len() - 24 .. " bytes inside")
	sub:add(f.counter, value(0, 8))
	sub:add(f.sealed, value(8))
	return true
end

-- What each TLV's value is; all but COOKIE and PADDING have one.
local tlvs = {
	[0xfb03] = whole(f.random, 32),
	[0xfb04] = list(f.group, "Groups"),
	[0xfb05] = list(f.suite, "Suites"),
	[0xfb06] = list(f.scheme, "Signature schemes"),
	[0xfb07] = share,
	[0xfb08] = address_cookie,
	[0xfb0a] = whole(f.mac1, 16),
	[0xfb0b] = whole(f.suite, 2),
	[0xfb0c] = sealed,
}
local PADDING = 0xfb09

local function add_tlvs(tree, range)
	local at = 0
	while at + TLV_LEN <= range:len() do
		local kind, len = range(at, 2):uint(), range(at + 2, 2):uint()
		if at + TLV_LEN + len > range:len() then
			return false
		end
		if kind == PADDING then
			tree:add(f.padding, range(at, TLV_LEN + len), len)
		elseif len > 0 then
			local show = tlvs[kind]
			if show == nil or not show(tree, range(at + TLV_LEN, len)) then
				return false
			end
		end
		at = at + TLV_LEN + len
	end
	return at == range:len()
end

-- Version, type and ids; false: no such message.
local function add_head(tree, head)
	local is_exchange = head(0, 2):uint() == EXCHANGE
	if head(2, 2):uint() ~= (is_exchange and 20 or 8) then
		return false
	end
	tree:add(f.version, head(4, 1))
	tree:add(f.type, head(5, 1))
	if is_exchange then
		tree:add(f.receiver, head(8, 8))
		tree:add(f.sender, head(16, 8))
	else
		tree:add(f.index, head(8, 4))
	end
	return types[head(5, 1):uint()] ~= nil
end

local function add_envelope(tree, tvb)
	tree:add(f.cookie, tvb(0, 8))
	tree:add(f.metadata_version, tvb(8, 2))
	tree:add(f.header_len, tvb(8, 2))
	tree:add(f.payload_len, tvb(10, 2))
end

local function is_ours(tvb)
	if tvb:len() < ENVELOPE_LEN + TLV_LEN + 8 or tvb(0, 8):bytes():tohex() ~= COOKIE then
		return false
	end
	local head = tvb(ENVELOPE_LEN, 2):uint()
	local header_len, payload_len = tvb(8, 2):bitfield(4, 12), tvb(10, 2):uint()
	local head_len = head == EXCHANGE and 24 or 12
	return (head == EXCHANGE or head == SESSION) and
		header_len >= ENVELOPE_LEN + head_len and header_len + payload_len == tvb:len()
end

function rekey.dissector(tvb, pinfo, root)
	if not is_ours(tvb) then
		return 0
	end
	local header_len = tvb(8, 2):bitfield(4, 12)
	local head_len = tvb(ENVELOPE_LEN, 2):uint() == EXCHANGE and 24 or 12
	local body = ENVELOPE_LEN + head_len
	local name = types[tvb(ENVELOPE_LEN + 5, 1):uint()] or "unknown"
	local tree = root:add(rekey, tvb(), "Rekey, " .. name)

	pinfo.cols.protocol = "REKEY"
	pinfo.cols.info = name
	add_envelope(tree, tvb)
	local ok = add_head(tree, tvb(ENVELOPE_LEN, head_len))
	if ok and header_len > body then
		ok = add_tlvs(tree, tvb(body, header_len - body))
	end
	if ok and tvb:len() > header_len then
		ok = add_tlvs(tree, tvb(header_len))
	end
	if not ok then
		tree:add_proto_expert_info(malformed)
	end
	return tvb:len()
end

rekey:register_heuristic("udp", function(tvb, pinfo, root)
	if not is_ours(tvb) then
		return false
	end
	rekey.dissector(tvb, pinfo, root)
	return true
end)
DissectorTable.get("udp.port"):add_for_decode_as(rekey)
