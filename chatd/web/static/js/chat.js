/**
 * The state of the chat as this browser knows it: who we are, who is there, which rooms and
 * conversations there are. Changed by what the server tells; the page listens to it. Holds no
 * part of the page and knows no connection.
 *
 * Events: `users`, `rooms`, `conversations` (the list, or a count of unread messages), `items`
 * (conversation), `opened` (conversation), `draft` (conversation) when not the writer changed it,
 * `nick`, `attention` (conversation, item) for what is worth a notification, `ready` (what may be
 * said where has changed), `back` (conversation) in which we have not been for a while.
 */

import { Conversation, itemOf, keyOf, mentionOf, Order } from "./conversation.js";
import { Partners } from "./partners.js";

export const GENERAL = "General";
const SPEECH = new Set(["said", "told"]);
const ROWS = 2000; // items that a conversation keeps
const FAR = 6000; // the same while the reader has gone back in it

export class Chat {
  nick = "";
  users = new Map(); // nicks by key
  rooms = []; // the names of all
  conversations = new Map(); // by key, in the order in which they were opened
  current = null;
  /** Whether the reader sees the end of the current conversation; the page says so. */
  watching = false;
  #order = new Order();
  #mention = null;
  #partners = new Partners(this);
  #listeners = {};

  constructor() {
    this.current = this.conversation(GENERAL);
  }

  on(name, listener) {
    (this.#listeners[name] ??= []).push(listener);
  }

  emit(name, ...values) {
    for (const listener of this.#listeners[name] ?? []) listener(...values);
  }

  // -- who and where ----------------------------------------------------------------------------

  get general() {
    return this.conversation(GENERAL);
  }

  setNick(nick) {
    this.nick = nick;
    this.#mention = mentionOf(nick);
    this.emit("nick");
  }

  setUsers(nicks) {
    this.users = new Map(nicks.map((nick) => [keyOf(nick), nick]));
    this.emit("users");
  }

  setRooms(names) {
    this.rooms = names;
    this.emit("rooms");
  }

  isOnline(nick) {
    return this.users.has(keyOf(nick));
  }

  /** Get the conversation in a room, or with `isPrivate` with a person; made if there is none. */
  conversation(name, isPrivate = false) {
    const made = new Conversation(name, isPrivate, this.#order);
    const known = this.conversations.get(made.key);
    if (known) return known;
    this.conversations.set(made.key, made);
    this.emit("conversations");
    return made;
  }

  find(name) {
    return this.conversations.get(keyOf(name));
  }

  /** Show a conversation. */
  open(conversation) {
    if (conversation !== this.current && !this.current.unread) this.current.line = null;
    this.current = conversation;
    this.emit("opened", conversation);
    this.emit("conversations");
  }

  /** Show a conversation no more; General, where everybody begins, stays with what was said. */
  close(conversation) {
    if (conversation === this.general) {
      conversation.left = true;
      return this.note(conversation, "out");
    }
    this.conversations.delete(conversation.key);
    if (this.current === conversation) this.open(this.general);
    else this.emit("conversations");
  }

  // -- what happens -----------------------------------------------------------------------------

  /** Take in what the server tells as it happens. */
  hear(data) {
    switch (data.event) {
      case "said":
        return this.#arrive(this.conversation(data.room), itemOf(data), data.own);
      case "told":
        return this.#arrive(
          this.conversation(data.own ? data.to : data.source, true), itemOf(data), data.own);
      case "entered":
      case "left":
      case "renamed":
        return this.#met(data);
      case "joined":
      case "parted":
        return this.#moved(data);
      case "users":
        return this.setUsers(data.users ?? []);
      case "rooms":
        return this.setRooms(data.rooms ?? []);
      case "created":
        return this.rooms.includes(data.room) || this.setRooms([...this.rooms, data.room]);
      case "you":
        return data.nick === this.nick || this.setNick(data.nick);
    }
  }

  #arrive(conversation, item, own) {
    this.#add(conversation, item);
    if (!own) this.#count(conversation, item);
    else if (!conversation.unread) conversation.line = null;
    this.emit("items", conversation);
  }

  #peopleChanged(conversation, data) {
    this.#add(conversation, itemOf(data));
    this.emit("users");
    this.emit("items", conversation);
  }

  /** Somebody has come, gone, or taken another nick. */
  #met(data) {
    this.users.delete(keyOf(data.old ?? data.nick));
    if (data.event !== "left") this.users.set(keyOf(data.nick), data.nick);
    if (data.own && data.event === "entered") this.general.left = false;
    if (data.own && data.event === "renamed") this.setNick(data.nick);
    this.#partners.hear(data);
    this.#peopleChanged(this.general, data);
  }

  #moved(data) {
    const known = this.find(data.room);
    if (data.own && data.event === "parted") return known && this.close(known);
    const conversation = this.conversation(data.room);
    const isBack = data.own && conversation.left;
    if (isBack) Object.assign(conversation, { left: false, catching: true });
    this.#peopleChanged(conversation, data);
    if (isBack) this.emit("back", conversation);
  }

  /** Tell the reader something in a conversation: the server's words, or a failure by its code. */
  note(conversation, kind, text, code) {
    conversation.add({ ...itemOf({ event: kind, message: text }), code });
    this.emit("items", conversation);
  }

  // -- the past ---------------------------------------------------------------------------------

  /** Take in a page of the history: older messages, or those that came during a break. */
  recall(conversation, records, older) {
    const ids = records.map((record) => record.id).filter(Boolean);
    this.#order.learn(ids, older);
    for (const record of records) {
      if (!older && conversation === this.general) this.#partners.recall(record);
      const item = itemOf(record);
      if (!this.#add(conversation, item)) continue;
      if (SPEECH.has(item.kind)) conversation.remove(conversation.lost(item));
      const isNew = !older || (conversation.counting && this.#isUnread(conversation, item));
      const counts = SPEECH.has(item.kind) && item.nick !== this.nick;
      if (isNew && counts) this.#count(conversation, item, true);
    }
    this.emit("items", conversation);
  }

  /** Nothing is missing any more of what was said during a break. */
  caughtUp(conversation) {
    conversation.catching = false;
    conversation.seen = conversation.lastId;
    this.goOn(conversation);
  }

  /** Go on with what waits for the past of a conversation, be it known or not to be had now. */
  goOn(conversation) {
    if (conversation === this.general) this.#partners.release();
    this.emit("ready");
  }

  /** Whether there are unread messages that are not loaded yet. */
  hasMoreUnread(conversation) {
    const { more, firstId } = conversation;
    return more && this.#isUnread(conversation, { id: firstId }) && !this.isFull(conversation);
  }

  /** Whether an item came after what was read before the page was loaded again. */
  #isUnread({ read }, { id }) {
    return read && id && this.#order.compare(read, id) < 0;
  }

  /** Add an item, unless it is there already; say whether it was not. */
  #add(conversation, item) {
    if (item.id) this.#order.learn([item.id]);
    item.mention = item.kind === "said" && item.nick !== this.nick && this.mentions(item.text);
    if (!conversation.add(item)) return false;
    if (item.id && !conversation.isBehind) conversation.seen = conversation.lastId;
    conversation.trim(this.#bound(conversation));
    return true;
  }

  #bound(conversation) {
    const isFar = conversation === this.current && !this.watching;
    return isFar || conversation.sought ? FAR : ROWS;
  }

  /** Whether older messages would be dropped as soon as they were loaded. */
  isFull(conversation) {
    return conversation.items.length >= this.#bound(conversation);
  }

  mentions(text) {
    return this.#mention?.test(text) ?? false;
  }

  // -- unread -----------------------------------------------------------------------------------

  #count(conversation, item, past = false) {
    if (!past) this.emit("attention", conversation, item);
    const reads = conversation === this.current && this.watching;
    if (reads && past) conversation.line ??= item; // it was said while he was away
    if (reads) return this.#keepRead(conversation);
    const { line } = conversation;
    if (!conversation.unread || !line || conversation.isBefore(item, line)) {
      conversation.line = item;
    }
    conversation.unread++;
    conversation.mentioned ||= item.mention || item.kind === "told";
    this.emit("conversations");
  }

  /** Take note that the reader has seen the end of the current conversation. */
  seen() {
    this.#keepRead(this.current);
    if (!this.current.unread) return;
    this.current.unread = 0;
    this.current.mentioned = false;
    this.emit("conversations");
  }

  #keepRead(conversation) {
    // Before the first page of the history has come, what was read before a reload still counts.
    if (conversation.more !== null) conversation.read = conversation.lastId;
  }

  get unread() {
    return [...this.conversations.values()].reduce((sum, each) => sum + each.unread, 0);
  }

  // -- our own messages -------------------------------------------------------------------------

  /** Show a message of ours that is on its way. */
  begin(conversation, text) {
    const kind = conversation.private ? "told" : "said";
    const item = itemOf({ event: kind, source: this.nick, message: text });
    Object.assign(item, { state: "sending", after: conversation.seen });
    if (!conversation.unread) conversation.line = null;
    conversation.add(item);
    this.emit("items", conversation);
    return item;
  }

  /** The server has carried a message of ours out: it is what it says now, at its place. */
  confirm(conversation, item, data) {
    conversation.remove(item);
    const { id, time, day, text, nick } = itemOf(data);
    Object.assign(item, { id, time, day, text, nick, state: undefined });
    this.#add(conversation, item);
    this.emit("items", conversation);
  }

  /** Change the state of a message of ours, or take it away. */
  mark(conversation, item, state, error) {
    Object.assign(item, { state, error });
    if (state === "gone") conversation.remove(item);
    this.emit("items", conversation);
  }
}
