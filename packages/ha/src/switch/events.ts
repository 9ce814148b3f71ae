import type { FenceEvidence } from '@polarstack/contracts';
import type { Judgement } from '../failover/verdict.ts';
import type { Switch, Trouble } from '../record/record.ts';
import type { ClusterLook } from './look.ts';

/** Which state of which switch an event belongs to: one that comes late changes nothing. */
export type SwitchTag = Pick<Switch, 'id' | 'step' | 'epoch'>;

/** What the effects of a state answered. */
export type SwitchEvent =
  /** Of a request that nobody has begun. */
  | { readonly kind: 'looked'; readonly request: string; readonly look: ClusterLook }
  /** Of no state: a failure of the primary, by its agent's pulses. */
  | { readonly kind: 'suspected'; readonly judgement: Judgement }
  | { readonly kind: 'prepared'; readonly of: SwitchTag }
  /** The old primary stands still, in order, and the target has replayed everything. */
  | { readonly kind: 'stopped'; readonly of: SwitchTag }
  /** The old primary stands still, but did not end in order. */
  | { readonly kind: 'ended'; readonly of: SwitchTag; readonly how: string }
  /** The old primary serves again. */
  | { readonly kind: 'resumed'; readonly of: SwitchTag }
  | {
      readonly kind: 'fenced';
      readonly of: SwitchTag;
      readonly evidence: FenceEvidence;
      /** Everybody else, looked at after the fence. */
      readonly look: ClusterLook;
    }
  | { readonly kind: 'promoted'; readonly of: SwitchTag }
  | { readonly kind: 'verified'; readonly of: SwitchTag }
  | { readonly kind: 'routed'; readonly of: SwitchTag }
  | { readonly kind: 'followed'; readonly of: SwitchTag }
  /** By instance id, what is not well with a member yet. */
  | { readonly kind: 'rejoined'; readonly of: SwitchTag; readonly left: Readonly<Record<string, string>> }
  /**
   * `answered`: the one that was asked lives and says no, rather than being out of reach. `look`: everybody else, once it matters
   * who could take over.
   */
  | {
      readonly kind: 'failed';
      readonly of: SwitchTag;
      readonly trouble: Trouble;
      readonly answered: boolean;
      readonly look?: ClusterLook;
    };

/** What is to be done in a state; each can be repeated at any time. */
export type SwitchAction =
  | { readonly kind: 'look'; readonly request: string }
  | { readonly kind: 'prepare'; readonly of: SwitchTag; readonly from: string; readonly to: string }
  | { readonly kind: 'stop'; readonly of: SwitchTag; readonly from: string; readonly to: string }
  | { readonly kind: 'resume'; readonly of: SwitchTag; readonly from: string }
  | { readonly kind: 'fence'; readonly of: SwitchTag; readonly from: string; readonly to: string }
  | { readonly kind: 'promote'; readonly of: SwitchTag; readonly to: string }
  | { readonly kind: 'verify'; readonly of: SwitchTag; readonly to: string }
  | { readonly kind: 'route'; readonly of: SwitchTag; readonly to: string }
  | { readonly kind: 'follow'; readonly of: SwitchTag }
  | { readonly kind: 'rejoin'; readonly of: SwitchTag };
