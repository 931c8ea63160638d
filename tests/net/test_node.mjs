// Node's HTTP/2 client, with its own way of settings, windows and GOAWAY. Usage: test_node.mjs PORT

import assert from 'node:assert';
import http from 'node:http';
import http2 from 'node:http2';

const port = process.argv[2];

function frame(text) {
  const body = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

function call(client, method, body, type = 'application/grpc+proto') {
  return new Promise((resolve, reject) => {
    const stream = client.request({ ':method': 'POST', ':path': '/t/' + method, 'content-type': type, te: 'trailers' });
    const result = { headers: {}, trailers: {}, data: [] };
    stream.on('response', (headers) => { result.headers = headers; });
    stream.on('trailers', (trailers) => { result.trailers = trailers; });
    stream.on('data', (part) => result.data.push(part));
    stream.on('end', () => resolve({ ...result, data: Buffer.concat(result.data) }));
    stream.on('error', reject);
    stream.end(body);
  });
}

const client = http2.connect(`http://localhost:${port}`);
let answer = await call(client, 'Echo', frame('hello'));
assert.equal(answer.headers[':status'], 200);
assert.equal(answer.headers['content-type'], 'application/grpc');
assert.equal(answer.trailers['grpc-status'], '0');
assert.deepEqual(answer.data, frame('hello'));

answer = await call(client, 'Fail', frame('5 not here'));
assert.equal(answer.headers['grpc-status'], '5');
assert.equal(answer.headers['grpc-message'], 'not here');

answer = await call(client, 'Stream', frame('30 100000'));
assert.equal(answer.data.length, 30 * 100005);

const big = 'x'.repeat(3000000);
assert.deepEqual((await call(client, 'Echo', frame(big))).data, frame(big));

const many = await Promise.all(Array.from({ length: 3000 }, (_, i) => call(client, 'Echo', frame('' + i))));
many.forEach((one, i) => assert.deepEqual(one.data, frame('' + i)));

// Over the limit: the answer comes, though the client is not done, and the connection lives on.
answer = await call(client, 'Echo', frame('x'.repeat(5000000))).catch((error) => error);
assert.equal(answer.headers?.['grpc-status'] ?? '8', '8');
assert.deepEqual((await call(client, 'Echo', frame('y'))).data, frame('y'));

const canceled = client.request({ ':method': 'POST', ':path': '/t/Wait', 'content-type': 'application/grpc' });
canceled.on('error', () => {});
canceled.end(frame(''));
await new Promise((resolve) => setTimeout(resolve, 100));
canceled.close(http2.constants.NGHTTP2_CANCEL);
await new Promise((resolve) => client.ping((error) => { assert.ifError(error); resolve(); }));
client.goaway();
client.goaway();
await new Promise((resolve) => client.close(resolve));

// HTTP/1.1 with a connection that is kept.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
for (let i = 0; i < 100; i++) {
  const body = await new Promise((resolve, reject) => {
    const request = http.request({ port, agent, method: 'POST', path: '/echo?' }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve(Buffer.concat(parts).toString()));
    });
    request.on('error', reject);
    request.write('a');
    request.end('b' + i);
  });
  assert.equal(body, 'ab' + i);
}
agent.destroy();
console.log('ok');
