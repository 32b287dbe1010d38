// Reads signature vectors on standard input and checks each with the public library, secret by secret.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const vectors = JSON.parse(readFileSync(0, "utf8"));

function verifies({ id, timestamp, body, header }, secret) {
  Date.now = () => timestamp * 1000; // the library refuses what is older than five minutes
  const headers = { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": header };
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

for (const vector of vectors) {
  const verdicts = vector.secrets.map((secret) => verifies(vector, secret));
  const tampered = vector.secrets.some((secret) => verifies({ ...vector, body: `${vector.body} ` }, secret));
  console.log(JSON.stringify({ name: vector.name, verdicts, tampered }));
}
