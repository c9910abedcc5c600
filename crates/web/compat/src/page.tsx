// The composite page: which composite, as whom and with whom is in the address.
//
// | parameter | meaning |
// |---|---|
// | `as` | an alias or raw id of a user, or `app:Zoe` for a new app user of that name |
// | `name` | the name to show |
// | `view` | `call` (default), `chat`, `call-with-chat` |
// | `group` | the call of a group |
// | `call` | raw ids to call, with commas between |
// | `incoming` | wait for a call and show the composite once it is accepted |
// | `meeting` | a meeting link |
// | `agent` | `teams` for a directory user's own agent |
// | `thread` | the chat thread |
// | `form` | `desktop` (default) or `mobile` |

import { initializeIcons } from '@fluentui/font-icons-mdl2';
import { createRoot } from 'react-dom/client';

import { App } from './app';
import { readParameters } from './parameters';
import { signIn } from './identity';

initializeIcons(new URL('fonts/', document.baseURI).href);

const root = createRoot(document.getElementById('root')!);

async function main() {
  const parameters = readParameters(new URL(location.href).searchParams);
  document.title = `Composites: ${parameters.as}`;
  const identity = await signIn(parameters);
  root.render(<App parameters={parameters} identity={identity} />);
}

main().catch((error: unknown) => {
  console.error(error);
  root.render(<div className="notice" role="alert">{String(error)}</div>);
});
