// The small parts that every room uses: buttons, avatars, notes.

import type { ButtonHTMLAttributes, ReactNode } from 'react';

import { hueOf, initials } from '../words';
import { Icon, type IconName } from './icon';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  icon?: IconName;
  kind?: 'plain' | 'primary' | 'good' | 'bad' | 'quiet';
  size?: 'normal' | 'small';
  isPressed?: boolean;
}

/** A button with words. */
export function Button({ icon, kind = 'plain', size = 'normal', isPressed, children, className = '', ...rest }: ButtonProps) {
  return (
    <button type="button" {...rest} aria-pressed={isPressed} className={`button ${kind} ${size} ${className}`}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A button that shows a pictogram; `label` says what it does, to those who hear it and as a hint. */
export function IconButton({ icon, label, kind = 'quiet', size = 'normal', isPressed, className = '', ...rest }: ButtonProps & { icon: IconName; label: string }) {
  return (
    <button type="button" {...rest} aria-pressed={isPressed} aria-label={label} title={label} className={`icon-button ${kind} ${size} ${className}`}>
      <Icon name={icon} />
    </button>
  );
}

/** Initials on a colour of the person's own. */
export function Avatar({ name, rawId, size = 'normal' }: { name: string; rawId: string; size?: 'small' | 'normal' | 'large' }) {
  return <span className={`avatar hue-${hueOf(rawId)} ${size}`} aria-hidden="true">{initials(name)}</span>;
}

/** Something that went wrong, told at once. */
export function Problem({ children }: { children: ReactNode }) {
  if (!children) return null;
  return <p className="problem" role="alert">{children}</p>;
}

/** Something to know, told when nothing else is said. */
export function Note({ children }: { children: ReactNode }) {
  return <p className="note" role="status">{children}</p>;
}

/** A labelled field. */
export function Field({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      {children}
      {hint && <span className="field-hint">{hint}</span>}
    </label>
  );
}
