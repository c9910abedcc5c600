// A dialog over the page: the browser keeps the focus in it and gives it back.

import { useEffect, useRef, type ReactNode } from 'react';

import { text } from '../strings';
import { IconButton } from './parts';

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, onClose, children }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={element} className="dialog" aria-labelledby="dialog-title" onCancel={onClose}
      onClick={({ target }) => { if (target === element.current) onClose(); }}>
      <div className="dialog-body">
        <header className="dialog-head">
          <h2 id="dialog-title">{title}</h2>
          <IconButton icon="close" label={text.close} onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}
