// The bar of a check that runs, with the seconds that are left. The server estimates them at the start of each epoch; the
// bar never goes back when further epochs follow; that they do is said, since the seconds go up then.

import { byId, setText, text } from "./text.js";

const SLACK_S = 3; // by so much an estimate may go up without a step more

export class Countdown {
  constructor() {
    this.passed = this.left = this.share = 0;
    this.repeats = false;
    this.timer = setInterval(() => this.second(), 1000);
    this.show();
  }

  // So many seconds are left now.
  set(left_s) {
    this.repeats ||= this.left > 0 && left_s > this.left + SLACK_S;
    this.left = left_s;
    this.show();
  }

  second() {
    this.passed += 1;
    this.left = Math.max(1, this.left - 1);
    this.show();
  }

  show() {
    if (this.left) this.share = Math.max(this.share, this.passed / (this.passed + this.left));
    byId("bar").value = Math.round(100 * this.share);
    setText("left", this.left ? text(this.repeats ? "left_again" : "left", { seconds: this.left }) : "");
  }

  end() {
    clearInterval(this.timer);
    setText("left", "");
  }
}
