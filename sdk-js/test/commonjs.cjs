/** How CommonJS takes the package, which is ES modules. */
async function main(url) {
  const { PushClient } = await import('mod-push-client');
  const { Publisher } = await import('mod-push-client/publish');
  const client = new PushClient(url, { device: 'commonjs' });
  client.onmessage = ({ data }) => {
    console.log(data, typeof Publisher);
    client.close();
  };
}

main(process.argv[2]);
