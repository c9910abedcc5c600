// Every scene by name, in the order in which they are played.

import { captions } from './scenes/captions.mjs';
import { chat } from './scenes/chat.mjs';
import { callWithChat } from './scenes/call-with-chat.mjs';
import { directory } from './scenes/directory.mjs';
import { ends } from './scenes/ends.mjs';
import { group } from './scenes/group.mjs';
import { meeting } from './scenes/meeting.mjs';
import { user } from './scenes/user.mjs';

export const scenes = {
  chat, group, user, directory, 'call-with-chat': callWithChat, captions, ends, meeting,
};
