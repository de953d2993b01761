/**
 * What tells the reader of news while he looks elsewhere: the number in the title, and, if he
 * wishes, notifications of private messages and of messages that name him.
 */

import { number, t } from "./i18n.js";
import { choice } from "./storage.js";

const LONGEST = 200; // characters of a message in a notification

export class Notifier {
  #chat;

  constructor(chat) {
    this.#chat = chat;
    for (const event of ["conversations", "opened"]) chat.on(event, () => this.refresh());
    chat.on("attention", (conversation, item) => this.#tell(conversation, item));
  }

  /** Write the title: how many messages are unread, and where we are. */
  refresh() {
    const { unread, current, nick } = this.#chat;
    const place = nick ? `${current.private ? "@" : ""}${current.name} · chatd` : "chatd";
    document.title = unread ? `(${number(unread)}) ${place}` : place;
    const file = unread ? "icon-unread.svg" : "icon.svg";
    document.querySelector("link[rel=icon]").href = `/static/${file}`;
  }

  #tell(conversation, item) {
    const personal = conversation.private || item.mention;
    if (!personal || !document.hidden || !choice("notify")) return;
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    const values = { nick: item.nick, room: conversation.name };
    const title = conversation.private ? item.nick : t("notify.mention", values);
    try {
      const shown = new Notification(title, {
        body: item.text.slice(0, LONGEST),
        tag: conversation.key, // one for each conversation
        icon: "/static/icon.svg",
      });
      shown.onclick = () => {
        focus();
        this.#chat.open(conversation);
        shown.close();
      };
    } catch {
      // Browsers of phones have the class, and refuse to make one.
    }
  }
}
