/** How CommonJS takes the package, which is ES modules. */
async function main() {
  const { PushClient } = await import('mod-push-client');
  const { Publisher } = await import('mod-push-client/publish');
  console.log(typeof PushClient, typeof Publisher);
}

main();
