// The archive: base64 of JSON, deflated without a header (RFC 1951). The browser unpacks it; one that cannot is given `inflate`.

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place += 1) bytes[place] = letters.charCodeAt(place);
  return bytes;
}

async function unpack(text) {
  const bytes = bytesOf(text);
  let data;
  try {
    data = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).arrayBuffer();
  } catch {
    data = inflate(bytes);
  }
  return JSON.parse(new TextDecoder().decode(data));
}

const LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCES = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

// A Huffman code by its lengths: how many codes there are of each length, and the symbols in the order of their codes.
function huffman(lengths) {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length] += 1;
  counts[0] = 0;
  const next = new Uint16Array(16);
  for (let length = 1; length < 16; length += 1) next[length] = next[length - 1] + counts[length - 1];
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => { if (length) symbols[next[length]++] = symbol; });
  return { counts, symbols };
}

function inflate(bytes) {
  let out = new Uint8Array(Math.max(1024, bytes.length * 4));
  let size = 0, place = 0, held = 0, bits = 0;
  const take = (count) => {
    while (bits < count) { held |= bytes[place++] << bits; bits += 8; }
    const value = held & ((1 << count) - 1);
    held >>>= count; bits -= count;
    return value;
  };
  const symbol = ({ counts, symbols }) => {
    let code = 0, first = 0, index = 0;
    for (let length = 1; length < 16; length += 1) {
      code |= take(1);
      if (code - counts[length] < first) return symbols[index + code - first];
      index += counts[length]; first = (first + counts[length]) << 1; code <<= 1;
    }
    throw new Error("broken archive");
  };
  const room = (count) => {
    if (size + count <= out.length) return;
    const larger = new Uint8Array((size + count) * 2);
    larger.set(out); out = larger;
  };
  const tables = () => {
    const literals = take(5) + 257, distances = take(5) + 1, codes = take(4) + 4;
    const lengths = new Array(19).fill(0);
    for (let number = 0; number < codes; number += 1) lengths[ORDER[number]] = take(3);
    const code = huffman(lengths), all = [];
    while (all.length < literals + distances) {
      const said = symbol(code);
      if (said < 16) all.push(said);
      else if (said === 16) { const before = all[all.length - 1]; for (let left = 3 + take(2); left; left -= 1) all.push(before); }
      else for (let left = said === 17 ? 3 + take(3) : 11 + take(7); left; left -= 1) all.push(0);
    }
    return [huffman(all.slice(0, literals)), huffman(all.slice(literals))];
  };
  const fixed = () => [huffman([].concat(Array(144).fill(8), Array(112).fill(9), Array(24).fill(7), Array(8).fill(8))), huffman(Array(30).fill(5))];
  for (let last = 0; !last;) {
    last = take(1);
    const kind = take(2);
    if (kind === 0) {
      held = bits = 0;
      const count = bytes[place] | (bytes[place + 1] << 8);
      room(count);
      out.set(bytes.subarray(place + 4, place + 4 + count), size);
      place += 4 + count; size += count;
      continue;
    }
    const [literals, distances] = kind === 1 ? fixed() : tables();
    for (let said = symbol(literals); said !== 256; said = symbol(literals)) {
      if (said < 256) { room(1); out[size++] = said; continue; }
      const count = LENGTHS[said - 257] + take(LENGTH_BITS[said - 257]);
      const far = symbol(distances), distance = DISTANCES[far] + take(far < 4 ? 0 : (far >> 1) - 1);
      room(count);
      for (let left = count; left; left -= 1, size += 1) out[size] = out[size - distance];
    }
  }
  return out.subarray(0, size);
}
